import Addressing
import Foundation
import Identity
import KernelTestSupport
import LinkTestSupport
import OpenSSLBinding
import Testing

@testable import KeyAgreement

/// The vectors of docs/protocol.md: what the code makes, what an independent program computes, and what is printed there.
@Suite struct VectorTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Vectors")
    private static let file = folder.appending(path: "node-link.txt")
    private let values: [String: String]

    init() throws {
        let text = try String(contentsOf: Self.file, encoding: .utf8).replacing("\n    ", with: "")
        let pairs = text.split(separator: "\n").map { $0.split(separator: " = ", maxSplits: 1).map(String.init) }
        values = Dictionary(uniqueKeysWithValues: pairs.filter { $0.count == 2 }.map { ($0[0], $0[1]) })
    }

    private func hex(_ name: String) throws -> [UInt8] {
        let text = try #require(values[name], "\(name) is missing")
        let digits = text.compactMap(\.hexDigitValue)
        try #require(digits.count == text.count && digits.count % 2 == 0)
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }

    private func id(_ name: String) throws -> SPIFFEID { try SPIFFEID(#require(values[name])) }

    private func party(_ role: String) throws -> LinkParty {
        LinkParty(id: try id(role), leafSHA256: try hex("\(role)-leaf-sha256"))
    }

    private var context: EpochContext {
        get throws {
            EpochContext(
                client: try party("client"), server: try party("server"), epoch: EpochID(try hex("exporter-epoch")),
                kemTranscript: try hex("kem-transcript"), version: 1, suite: .chacha20Poly1305, postQuantum: .mlkem768)
        }
    }

    /// Exports only under the right label and context.
    private var schedule: KeySchedule {
        get throws {
            let (context, output) = (try context, try hex("exporter-esp"))
            let exporter = Exporter { label, given, length in
                let isRight = label == "EXPORTER-podshield-esp-v1" && given == context.encoded && length == 48
                return SecretBytes(isRight ? output : [])
            }
            return try KeySchedule(exporter, context: context, kemSecret: SecretBytes(hex("kem-secret")))
        }
    }

    private var inputs: AssociationInputs {
        get throws {
            AssociationInputs(
                sender: try id("client"), receiver: try id("server"), spi: SPI(rawValue: 0x1234),
                identity: NumericIdentity(rawValue: 300), workload: try id("workload"),
                senderNonce: try hex("sender-nonce"), receiverNonce: try hex("receiver-nonce"))
        }
    }

    private var hellos: (client: Hello, server: Hello) {
        get throws {
            (
                Hello(node: NodeNumber(rawValue: 1), bootID: try hex("client-boot-id"), versions: 1...1),
                Hello(node: NodeNumber(rawValue: 2), bootID: try hex("server-boot-id"), versions: 1...1)
            )
        }
    }

    @Test func keysAreTheVectors() throws {
        #expect(try context.encoded == hex("esp-context"))
        #expect(try schedule.prk.copy == hex("prk"))
        #expect(try inputs.encoded == hex("sa-info"))
        let association = try schedule.associationKey(inputs)
        #expect(try association.key.copy == hex("sa-key") && association.key.count == 32)
        #expect(try association.salt.copy == hex("sa-salt") && association.salt.count == 4)
    }

    @Test func confirmationsAreTheVectors() throws {
        var transcript = HandshakeTranscript()
        // In another order than they are hashed in.
        transcript.record(.kemAnswer(Array(repeating: 0x0a, count: 1088)), by: .server)
        transcript.record(.hello(try hellos.server), by: .server)
        transcript.record(.kemOffer(Array(repeating: 0x0e, count: 1184)), by: .client)
        transcript.record(.hello(try hellos.client), by: .client)
        #expect(try transcript.hash == hex("transcript"))
        #expect(try schedule.confirmation(by: .client, transcript: transcript.hash) == hex("confirm-client"))
        #expect(try schedule.confirmation(by: .server, transcript: transcript.hash) == hex("confirm-server"))
    }

    @Test func statementsAreTheVectors() throws {
        let parties = LinkParties(role: .client, local: try party("client"), peer: try party("server"))
        let epoch = Epoch(
            id: EpochID(try hex("exporter-epoch")), parties: parties,
            agreement: try Agreement(client: hellos.client, server: hellos.server), peerHello: try hellos.server,
            keys: try schedule, proofBinding: try hex("exporter-proof"))
        let leaf = try hex("svid-leaf-sha256")
        func statement(_ kind: ProofStatement.Kind, _ generation: UInt32, _ addresses: [IPAddress]) -> [UInt8] {
            ProofStatement(kind: kind, leafSHA256: leaf, id: 1, generation: generation, addresses: addresses)
                .encoded(epoch, signer: .client)
        }
        let addresses: [IPAddress] = ["10.0.1.1", "10.0.1.2"]
        let nonce = try hex("sender-nonce")
        #expect(try statement(.announce(nonce: nonce), 0, addresses) == hex("statement-announce"))
        #expect(try statement(.addresses, 1, addresses) == hex("statement-addresses"))
        #expect(try statement(.renew, 2, []) == hex("statement-renew"))
    }

    @Test func framesAreTheVectors() throws {
        let spi = SPI(rawValue: 0x1234)
        let messages: [(String, LinkMessage)] = [
            ("hello-client", .hello(try hellos.client)), ("hello-server", .hello(try hellos.server)),
            ("accept", .accept(Acceptance(id: 1, spi: spi, nonce: try hex("receiver-nonce")))),
            ("refuse", .refuse(Refusal(id: 1, generation: 0, reason: .addressNotLeased, addresses: ["10.0.1.2"]))),
            ("acknowledge", .acknowledge(id: 1, generation: 2)), ("withdraw", .withdraw(id: 1)),
            ("withdrawn", .withdrawn(id: 1)), ("switched", .switched(id: 1, spi: spi)), ("complete", .complete),
            ("completed", .completed), ("ping", .ping(7)), ("pong", .pong(7)), ("close", .close(.superseded)),
        ]
        for (name, message) in messages {
            let frame = try hex("frame-\(name)")
            #expect(message.frame == frame, "\(name)")
            #expect(try LinkMessage(content: frame[4...]) == message, "\(name)")
        }
    }

    /// Python, with nothing but hashlib and hmac.
    @Test func anotherProgramComputesTheSame() throws {
        let script = Self.folder.appending(path: "recompute.py").path
        let text = try Command.run("python3", script, Self.file.path)
        #expect(try text == String(contentsOf: Self.file, encoding: .utf8))
    }

    @Test func theDocumentPrintsThem() throws {
        let document = Self.folder.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "docs/protocol.md")
        let printed = try String(contentsOf: document, encoding: .utf8)
        #expect(try printed.contains("```\n\(String(contentsOf: Self.file, encoding: .utf8))```\n"))
    }

    // MARK: What a key depends on

    /// Every input changes the key: none is forgotten, none can be traded for another.
    @Test func everyInputChangesTheKey() throws {
        let base = try inputs
        let other = try SPIFFEID("spiffe://example.org/podshield/node/c")
        func variant(
            sender: SPIFFEID? = nil, receiver: SPIFFEID? = nil, spi: UInt32 = 0x1234, identity: UInt32 = 300,
            workload: SPIFFEID? = nil, senderNonce: [UInt8]? = nil, receiverNonce: [UInt8]? = nil
        ) -> AssociationInputs {
            AssociationInputs(
                sender: sender ?? base.sender, receiver: receiver ?? base.receiver, spi: SPI(rawValue: spi),
                identity: NumericIdentity(rawValue: identity), workload: workload ?? base.workload,
                senderNonce: senderNonce ?? base.senderNonce, receiverNonce: receiverNonce ?? base.receiverNonce)
        }
        let variants = [
            variant(), variant(sender: other), variant(receiver: other), variant(spi: 0x1235), variant(identity: 301),
            variant(workload: other), variant(senderNonce: base.receiverNonce),
            variant(receiverNonce: base.senderNonce),
            variant(sender: base.receiver, receiver: base.sender),
            variant(senderNonce: base.receiverNonce, receiverNonce: base.senderNonce),
        ]
        let keys = try Set(variants.map { try schedule.associationKey($0).key.copy })
        #expect(keys.count == variants.count)
    }
}
