import Identity
import LinkTestSupport
import OpenSSLBinding
import Testing

@testable import KeyAgreement

/// The handshake from Hello to a confirmed epoch, between machines that share an exporter or do not.
@Suite struct HandshakeTests {
    private let entropy: Entropy
    private let client: LinkParty
    private let server: LinkParty
    private let one = NodeNumber(rawValue: 1)
    private let two = NodeNumber(rawValue: 2)

    init() throws {
        entropy = try Simulation().entropy
        client = LinkParty(id: try SPIFFEID("spiffe://td/podshield/node/a"), leafSHA256: Array(repeating: 1, count: 32))
        server = LinkParty(id: try SPIFFEID("spiffe://td/podshield/node/b"), leafSHA256: Array(repeating: 2, count: 32))
    }

    private func hello(_ node: NodeNumber) -> Hello { Hello(node: node, bootID: Array(repeating: 3, count: 16)) }

    private func exporter(_ connection: UInt8 = 0) -> Exporter {
        Exporter { label, context, length in
            var bytes: [UInt8] = []
            while bytes.count < length {
                bytes += SHA256Digest.hash([connection, UInt8(bytes.count)] + Array(label.utf8) + [0] + context)
            }
            return SecretBytes(Array(bytes.prefix(length)))
        }
    }

    /// One end; `node` is its own number.
    private func end(
        _ role: LinkRole, _ exporter: Exporter? = nil, hello: Hello? = nil, expects peer: NodeNumber? = nil,
        peerLeaf: [UInt8]? = nil
    ) -> EpochHandshake {
        let isClient = role == .client
        let other = isClient ? server : client
        return EpochHandshake(
            parties: LinkParties(
                role: role, local: isClient ? client : server,
                peer: LinkParty(id: other.id, leafSHA256: peerLeaf ?? other.leafSHA256)),
            exporter: exporter ?? self.exporter(), hello: hello ?? self.hello(isClient ? one : two),
            peerNumber: peer ?? (isClient ? two : one), entropy: entropy)
    }

    /// All steps in their order, `change` between sender and receiver.
    private func run(
        _ client: inout EpochHandshake, _ server: inout EpochHandshake, clientHello: Hello? = nil,
        serverHello: Hello? = nil, change: (LinkMessage) -> LinkMessage = { $0 }
    ) throws -> (Epoch?, Epoch?) {
        var toServer: [LinkMessage] = [.hello(clientHello ?? hello(one))]
        var toClient: [LinkMessage] = [.hello(serverHello ?? hello(two))]
        var (atClient, atServer): (Epoch?, Epoch?)
        while !toServer.isEmpty || !toClient.isEmpty {
            if !toServer.isEmpty {
                let step = try server.receive(change(toServer.removeFirst()))
                toClient += step.send
                atServer = step.epoch ?? atServer
            }
            if !toClient.isEmpty {
                let step = try client.receive(change(toClient.removeFirst()))
                toServer += step.send
                atClient = step.epoch ?? atClient
            }
        }
        return (atClient, atServer)
    }

    @Test func bothEndsConfirmOneEpoch() throws {
        var (a, b) = (end(.client), end(.server))
        let (first, second) = try run(&a, &b)
        let (one, two) = (try #require(first), try #require(second))
        #expect(one.id == two.id && one.proofBinding == two.proofBinding)
        #expect(one.keys.prk.copy == two.keys.prk.copy)
        #expect(one.agreement == two.agreement && one.agreement.suite == .chacha20Poly1305)
    }

    /// The exporter alone is not the key: of two handshakes on the same exporter each has its own.
    @Test func theKEMSecretCounts() throws {
        var keys: Set<[UInt8]> = []
        for _ in 0..<4 {
            var (a, b) = (end(.client), end(.server))
            keys.insert(try #require(try run(&a, &b).0).keys.prk.copy)
        }
        #expect(keys.count == 4)
    }

    @Test func otherConnectionsConfirmNothing() {
        #expect(throws: LinkFailure.confirmationFailed) {
            var (a, b) = (end(.client), end(.server, exporter(1)))
            _ = try run(&a, &b)
        }
    }

    /// A thinks it is B, B thinks it is C: the leaf that one end saw is not the one that the other has.
    @Test func misbindingConfirmsNothing() {
        #expect(throws: LinkFailure.confirmationFailed) {
            var (a, b) = (end(.client), end(.server, peerLeaf: Array(repeating: 9, count: 32)))
            _ = try run(&a, &b)
        }
    }

    /// Any message changed on its way, were TLS not there.
    @Test(arguments: [UInt8(1), 2, 3, 4])
    func tamperingConfirmsNothing(_ type: UInt8) {
        #expect(throws: LinkFailure.self) {
            var (a, b) = (end(.client), end(.server))
            let result = try run(&a, &b) { message in
                guard message.type == type else { return message }
                var frame = message.frame
                // Of a Hello the boot ID, which nothing but the transcript looks at.
                frame[frame.count - 1] ^= 1
                return (try? LinkMessage(content: frame[4...])) ?? message
            }
            #expect(result.0 == nil || result.1 == nil)
        }
    }

    @Test func aReflectedConfirmationIsNone() throws {
        var (a, b) = (end(.client), end(.server))
        let toServer = try a.receive(.hello(hello(two))).send
        _ = try b.receive(.hello(hello(one)))
        let answers = try b.receive(toServer[0]).send
        #expect(answers.count == 2)
        // The server's own words back to it.
        #expect(throws: LinkFailure.confirmationFailed) { _ = try b.receive(answers[1]) }
    }

    // MARK: Order

    @Test func everyMessageHasItsPlace() throws {
        let all: [LinkMessage] = [
            .hello(hello(two)), .kemOffer(Array(repeating: 0, count: 1184)),
            .kemAnswer(Array(repeating: 0, count: 1088)),
            .confirm(Array(repeating: 0, count: 48)), .complete, .ping(1), .withdraw(id: 1),
            .switched(id: 1, spi: .lowest),
        ]
        for message in all.dropFirst() {
            var fresh = end(.client)
            #expect(throws: LinkFailure.unexpectedMessage(type: message.type)) { _ = try fresh.receive(message) }
        }
        for message in all where message.type != 3 {
            var offered = end(.client)
            _ = try offered.receive(.hello(hello(two)))
            #expect(throws: LinkFailure.unexpectedMessage(type: message.type)) { _ = try offered.receive(message) }
        }
        for message in all where message.type != 2 {
            var server = end(.server)
            _ = try server.receive(.hello(hello(one)))
            #expect(throws: LinkFailure.unexpectedMessage(type: message.type)) { _ = try server.receive(message) }
        }
    }

    @Test func nothingFollowsTheEnd() throws {
        var (a, b) = (end(.client), end(.server))
        _ = try run(&a, &b)
        #expect(throws: LinkFailure.unexpectedMessage(type: 1)) { _ = try a.receive(.hello(hello(two))) }
        #expect(throws: LinkFailure.unexpectedMessage(type: 4)) {
            _ = try b.receive(.confirm(Array(repeating: 0, count: 48)))
        }
    }

    /// No exporter is used before the peer has shown that it verified us.
    @Test func nothingIsExportedBeforeTheHello() throws {
        let forbidden = Exporter { _, _, _ in
            Issue.record("exported too early")
            return SecretBytes([])
        }
        var (a, b) = (end(.client, forbidden), end(.server, forbidden))
        _ = try a.receive(.hello(hello(two)))
        _ = try b.receive(.hello(hello(one)))
    }

    // MARK: What is agreed on

    @Test func theDirectorysNumberIsTheOnlyOne() {
        #expect(throws: LinkFailure.wrongNodeNumber(two)) {
            var a = end(.client, expects: NodeNumber(rawValue: 3))
            _ = try a.receive(.hello(hello(two)))
        }
    }

    @Test func versionsSuitesAndModesAreNegotiated() throws {
        func agree(_ change: (inout Hello) -> Void) throws(LinkFailure) -> Agreement {
            var other = hello(two)
            change(&other)
            return try Agreement(client: hello(one), server: other)
        }
        #expect(try agree { $0.maximumVersion = 9 }.version == LinkVersions.newest)
        #expect(try agree { $0.maximumVersion = 1 }.version == 1)
        #expect(throws: LinkFailure.noCommonVersion) {
            try agree {
                $0.minimumVersion = LinkVersions.newest + 1
                $0.maximumVersion = LinkVersions.newest + 2
            }
        }
        #expect(try agree { $0.suites = [99, 1] }.suite == .chacha20Poly1305)
        #expect(throws: LinkFailure.noCommonSuite) { try agree { $0.suites = [99] } }
        #expect(throws: LinkFailure.noCommonSuite) { try agree { $0.suites = [] } }
        // There is no way down from the post-quantum exchange.
        #expect(throws: LinkFailure.noCommonPostQuantumMode) { try agree { $0.postQuantumModes = [] } }
        #expect(throws: LinkFailure.noCommonPostQuantumMode) { try agree { $0.postQuantumModes = [0] } }
    }

    /// What one end offers and the other reads differently ends in no confirmation, not in a weaker epoch.
    @Test func aStrippedOfferIsNoticed() {
        var offered = hello(one)
        offered.suites = [77, 1]
        #expect(throws: LinkFailure.confirmationFailed) {
            var (a, b) = (end(.client, hello: offered), end(.server))
            // On the way the first offer was taken out.
            _ = try run(&a, &b, clientHello: hello(one))
        }
    }

    /// The same for the post-quantum part: with the one offer that both have taken out there is none, with another the ends
    /// disagree on what was said.
    @Test func aStrippedPostQuantumOfferIsNoticed() {
        var offered = hello(one)
        offered.postQuantumModes = [77, 1]
        for (stripped, failure) in [([UInt8(77)], LinkFailure.noCommonPostQuantumMode), ([1], .confirmationFailed)] {
            #expect(throws: failure) {
                var read = offered
                read.postQuantumModes = stripped
                var (a, b) = (end(.client, hello: offered), end(.server))
                _ = try run(&a, &b, clientHello: read)
            }
        }
    }
}
