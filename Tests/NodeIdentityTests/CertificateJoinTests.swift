import Authority
import AuthorityAPI
import Foundation
import GRPCCore
import Identity
import Issuance
import KernelTestSupport
import OpenSSLBinding
import SecureTransport
import Testing

@testable import NodeIdentity

/// Nodes that join by certificates of their machines (x509pop).
@Suite(.timeLimit(.minutes(1))) struct CertificateJoinTests {
    private let pki: MachinePKI
    private let authority: TestAuthority

    init() async throws {
        let pki = try MachinePKI()
        self.pki = pki
        authority = try await TestAuthority { $0.machineCertificates = MachineCertificates(roots: [pki.root]) }
    }

    private func node(
        _ credential: JoinCredential, as name: String? = nil, at authority: TestAuthority? = nil,
        address: String = "192.0.2.1"
    ) async throws -> TestNode {
        let authority = authority ?? self.authority
        let node = try TestNode(clock: authority.clock, address: address)
        try await node.join(
            JoinInvitation(
                credential, authorityAddress: authority.address,
                rootFingerprints: [authority.service.rootFingerprint], nodeName: name))
        return node
    }

    private func expectRefused(
        _ credential: JoinCredential, as name: String? = nil, at other: TestAuthority? = nil, _ reason: JoinRefusal,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        let authority = other ?? self.authority
        let before = authority.refusals.count
        await #expect(throws: JoinError.self, sourceLocation: sourceLocation) {
            _ = try await node(credential, as: name, at: authority)
        }
        #expect(authority.refusals.dropFirst(before) == [reason], sourceLocation: sourceLocation)
    }

    @Test func aNodeJoinsAndJoinsAgain() async throws {
        let credential = try pki.machine("node-a")
        let first = try await node(credential)
        #expect(first.service.currentSVID?.svid.id == (try ReservedNames.node("node-a", in: trustDomain)))
        let record = try #require(try await authority.service.nodes().first)
        #expect(record.attestation.method == "x509pop" && record.attestation.selector.utf8.count == 64)
        await first.stop()
        // It has lost its state, and is the same node.
        let again = try await node(credential, as: "node-a", address: "192.0.2.2")
        #expect(await again.service.membership?.number == record.number.rawValue)
        #expect(try await authority.service.nodes().count == 1)
    }

    @Test func aMachineMayBeCertifiedByAnAuthorityBelow() async throws {
        _ = try await node(pki.machine("node-a") { _ in })
        let mail: [UInt8] = [0x2b, 6, 1, 5, 5, 7, 3, 4]
        await expectRefused(try pki.machine("node-b") { $0.purposes = [mail] }, .certificate(.notForClients))
    }

    @Test func theNameMayBeTheDNSName() async throws {
        let byDNS = try await TestAuthority { [pki] in
            $0.machineCertificates = MachineCertificates(roots: [pki.root], naming: .dnsName)
        }
        let named = MachinePKI.Order(commonName: nil, dnsNames: ["node-a.example.org"])
        let joined = try await node(pki.machine(named), at: byDNS)
        #expect(await joined.service.membership?.name == "node-a.example.org")
        for names in [["a.example", "b.example"], []] {
            let order = MachinePKI.Order(commonName: "a.example", dnsNames: names)
            await expectRefused(try pki.machine(order), at: byDNS, .certificate(.noName(.dnsName)))
        }
        let wild = MachinePKI.Order(commonName: nil, dnsNames: ["*.example.org"])
        await expectRefused(try pki.machine(wild), at: byDNS, .certificate(.badName("*.example.org")))
    }

    // MARK: Names

    @Test func oneNodesNameIsNotAnothers() async throws {
        let own = try PrivateKey.generate()
        let node = try await node(pki.machine("node-a", key: own))
        let svid = node.service.currentSVID?.svid.leaf.serialHex
        await expectRefused(try pki.machine("node-a"), .nameHeld("node-a"))
        await expectRefused(try pki.machine("node-b"), as: "node-a", .otherName(asked: "node-a"))
        #expect(try await authority.service.nodes().map(\.serial) == [svid])
        // A certificate that was renewed under the same key is the same machine's.
        _ = try await self.node(pki.machine("node-a", key: own))
    }

    @Test func anotherKeyIsTakenWhereThatIsConfigured() async throws {
        let lenient = try await TestAuthority { [pki] in
            $0.machineCertificates = MachineCertificates(roots: [pki.root], mayChangeKey: true)
        }
        _ = try await node(pki.machine("node-a"), at: lenient)
        _ = try await node(pki.machine("node-a"), at: lenient)
        #expect(try await lenient.service.nodes().map(\.number.rawValue) == [1])
    }

    /// Whoever has certificates issued to machines does not decide about nodes that an operator let in by name.
    @Test func aNodeThatJoinedByTokenKeepsItsName() async throws {
        _ = try await TestNode.joined("node-a", to: authority)
        await expectRefused(try pki.machine("node-a"), .nameHeld("node-a"))
        #expect(try await authority.service.nodes().map(\.attestation) == [.joinToken])
    }

    @Test(arguments: ["..", "a/b", "node a", "nöde", "/podshield/authority/main", String(repeating: "a", count: 64)])
    func namesThatNoNodeCanHave(_ name: String) async throws {
        await expectRefused(try pki.machine(name), .certificate(.badName(name)))
        #expect(try await authority.service.nodes().isEmpty)
    }

    @Test func twoCommonNamesAreNone() async throws {
        let credential = try OpenSSLMachine(subject: "/CN=node-a/CN=node-b")
        let other = try await TestAuthority { $0.machineCertificates = MachineCertificates(roots: [credential.root]) }
        await expectRefused(credential.credential, at: other, .certificate(.noName(.commonName)))
        let plain = try OpenSSLMachine(subject: "/O=Example/CN=node-a")
        let another = try await TestAuthority { $0.machineCertificates = MachineCertificates(roots: [plain.root]) }
        _ = try await node(plain.credential, at: another)
    }

    // MARK: Banned and evicted

    @Test func aBannedNodeStaysOutUntilItIsEvicted() async throws {
        let credential = try pki.machine("node-a")
        _ = try await node(credential)
        _ = try await authority.service.ban(node: "node-a")
        await expectRefused(credential, .banned("node-a"))
        _ = try await authority.service.evict(node: "node-a")
        let again = try await node(credential)
        #expect(await again.service.membership?.number == 1)
    }

    // MARK: Certificates

    @Test(arguments: [
        (MachineRejection.expired, MachinePKI.Order(commonName: "node-a", validity: -3600 ... -1)),
        (.notYetValid, .init(commonName: "node-a", validity: 600...3600)),
        (.authority, .init(commonName: "node-a", isAuthority: true, usage: [.keyCertSign, .digitalSignature])),
        (.notForSignatures, .init(commonName: "node-a", usage: .keyEncipherment)),
        (.notForSignatures, .init(commonName: "node-a", usage: nil)),
        (.notForClients, .init(commonName: "node-a", purposes: [ExtensionID.serverAuthentication])),
        (.noName(.commonName), .init(commonName: nil, dnsNames: ["node-a"])),
    ])
    func certificatesThatLetNobodyIn(_ reason: MachineRejection, _ order: MachinePKI.Order) async throws {
        await expectRefused(try pki.machine(order), .certificate(reason))
    }

    @Test func foreignAndTooManyCertificates() async throws {
        // Of the same name as the issuer that is known.
        await expectRefused(try MachinePKI().machine("node-a"), .certificate(.unknownIssuer))
        guard case .certificate(let chain, let key) = try pki.machine("node-a") else { return }
        let bomb = Array(repeating: chain[0], count: 9)
        await expectRefused(.certificate(chain: bomb, key: key), .certificate(.tooMuch))
        let weak = try OpenSSLMachine(subject: "/CN=node-a", key: ["-newkey", "rsa:1024"])
        await expectRefused(weak.credential, .certificate(.unsuitableKey))
    }

    @Test func theKeyHasToBeTheCertificates() async throws {
        guard case .certificate(let chain, _) = try pki.machine("node-a") else { return }
        await expectRefused(.certificate(chain: chain, key: try .generate()), .certificate(.notOfThisConnection))
    }

    @Test func nobodyJoinsByCertificateWhereNoneIsConfigured() async throws {
        await expectRefused(try pki.machine("node-a"), at: try await TestAuthority(), .certificate(.notConfigured))
    }

    /// Workloads' certificates lead there.
    @Test func theOwnRootVouchesForNoMachine() async throws {
        let pem = try String(contentsOfFile: authority.directory.path + "/authority/ca.pem", encoding: .utf8)
        let own = try Certificate.parsePEMChain(pem)
        let directory = authority.directory
        try await authority.stop()
        await #expect(throws: AuthorityError.ownRootVouchesForMachines) {
            _ = try await TestAuthority(in: directory) { $0.machineCertificates = MachineCertificates(roots: own) }
        }
    }

    // MARK: Proofs

    /// One that was made on another connection, even if the sender says that it is this one.
    @Test func aRelayedProofIsWorthless() async throws {
        let (first, second) = (try await Stranger(to: authority), try await Stranger(to: authority))
        let relayed = try first.request(pki.machine("node-a"))
        let claim = try first.connection.exporter()
        await #expect(throws: RPCError.self) { _ = try await second.join(relayed) }
        await #expect(throws: RPCError.self) { _ = try await second.join(relayed, claiming: claim) }
        #expect(authority.refusals == Array(repeating: .certificate(.notOfThisConnection), count: 2))
        #expect(try await first.join(relayed).nodeNumber == 1)
        #expect(try await authority.service.nodes().map(\.name) == ["node-a"])
    }

    @Test func aProofIsForOneRequest() async throws {
        let stranger = try await Stranger(to: authority)
        var request = try stranger.request(pki.machine("node-a"))
        request.request = Data(try SigningRequest.make(key: .generate()))
        let changed = request
        await #expect(throws: RPCError.self) { _ = try await stranger.join(changed) }
        #expect(authority.refusals == [.certificate(.notOfThisConnection)])
    }
}

extension Stranger {
    fileprivate func request(_ credential: JoinCredential) throws -> Podshield_Authority_V1_JoinRequest {
        guard case .certificate(let chain, let key) = credential else { throw CancellationError() }
        var request = try request()
        request.certificate = try Podshield_Authority_V1_MachineCertificate(
            chain: chain, key: key, exporter: connection.exporter(), request: Array(request.request))
        return request
    }
}

/// Certificates as the `openssl` program makes them.
private struct OpenSSLMachine {
    let root: Certificate
    let credential: JoinCredential

    init(subject: String, key: [String] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]) throws {
        let directory = try TemporaryDirectory()
        let (file, keyFile) = (directory.path + "/certificate.pem", directory.path + "/key.pem")
        let (status, output) = try Command.finish(
            ["/usr/bin/openssl", "req", "-x509", "-nodes", "-days", "1", "-subj", subject, "-out", file]
                + ["-keyout", keyFile, "-addext", "keyUsage=critical,digitalSignature"]
                + ["-addext", "basicConstraints=critical,CA:FALSE"] + key)
        guard status == 0 else { throw CommandFailure(output: output) }
        let chain = try Certificate.parsePEMChain(String(contentsOfFile: file, encoding: .utf8))
        root = chain[0]
        let pem = try Data(contentsOf: URL(filePath: keyFile))
        credential = .certificate(chain: chain, key: try PrivateKey(pem: SecretBytes(Array(pem))))
    }

    struct CommandFailure: Error { let output: String }
}
