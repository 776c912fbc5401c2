import Addressing
import AuthorityAPI
import Foundation
import GRPCCore
import Identity
import KernelTestSupport
import OpenSSLBinding
import RateLimiting
import SPIREAPI
import SPIREUpstream
import SecureTransport
import Testing

@testable import Authority
@testable import Issuance
@testable import NodeIdentity

/// An authority that signs CAs for others, and the workload of one of its nodes that is such another.
private struct Above {
    let authority: TestAuthority
    let node: TestNode
    let entry: RegistrationEntry
    let given: GivenIdentity

    static let settings = DownstreamSettings(
        address: IPAddress("127.0.0.1")!, port: 0, lifetime: .seconds(7 * 86400))

    init(isDownstream: Bool = true, adjust: (inout AuthoritySettings) -> Void = { _ in }) async throws {
        authority = try await TestAuthority {
            $0.downstream = Self.settings
            adjust(&$0)
        }
        entry = try await authority.service.createEntry(
            NewEntry(
                spiffeID: SPIFFEID(trustDomain: trustDomain, path: "/authority-b"),
                parent: ReservedNames.node("node-a", in: trustDomain), selectors: [.userID(0)],
                isDownstream: isDownstream))
        node = try await TestNode.joined("node-a", to: authority)
        given = try await GivenIdentity()
        try await giveNew()
    }

    /// What the node's own Workload API has for the process.
    func held() async throws -> KeyedSVID {
        try await eventually("the entry") { await node.service.entries?.count == 1 }
        let known = try #require(await node.service.entries?.inOrder.first)
        return try await node.service.svid(of: known)
    }

    /// And what it gives the process.
    func giveNew() async throws {
        try given.give(
            try await held(), trusting: node.service.bundle.authorities.map(\.der),
            lists: node.service.bundle.revocations.map(\.der))
    }

    /// As the daemon below asks.
    func upstream(port: UInt16? = nil) async throws -> SPIREServer {
        var port = port
        if port == nil { port = await authority.service.downstreamPort }
        return try SPIREServer(
            trustDomain, host: "127.0.0.1", port: #require(port), workloadSocket: given.path,
            now: { [clock = authority.clock] in clock.now })
    }

    func below() async throws -> TestAuthority {
        let upstream = try await upstream()
        return try await TestAuthority(clock: authority.clock) {
            $0.name = "below"
            $0.upstream = .asked(upstream)
        }
    }

    /// Asks once, by a key of its own, on a thread that may wait.
    func ask() async throws -> CertificateAuthority {
        try await make(by: upstream())
    }

    func make(by upstream: SPIREServer) async throws -> CertificateAuthority {
        let now = authority.clock.now
        return try await Blocking.run {
            try CertificateAuthority.create(for: trustDomain, key: PrivateKey.generate(), asking: upstream, now: now)
        }
    }

    var signed: [DownstreamCertificate] {
        authority.journal.all.compactMap { if case .downstreamSigned(let signed) = $0 { signed } else { nil } }
    }

    var refusals: [CallRefusal] {
        authority.journal.all.compactMap { if case .downstreamRefused(_, let refusal) = $0 { refusal } else { nil } }
    }
}

extension CertificateAuthority {
    /// Of a workload, and its key. Who has a CA has the serial as he likes.
    fileprivate func workload(_ path: String, serial: [UInt8]? = nil, now: Int64) throws -> KeyedSVID {
        try svid(
            .workload(id: SPIFFEID(trustDomain: trustDomain, path: path), binding: nil),
            serial: serial ?? Self.newSerial(), now: now)
    }

    fileprivate func svid(_ plan: IssuancePlan, serial: [UInt8], now: Int64) throws -> KeyedSVID {
        let key = try PrivateKey.generate()
        let template = CertificateTemplate(
            plan, for: key.publicKey, authority: certificate, serial: serial, now: now)
        return try KeyedSVID(svid: recheck(sign(template), against: plan, key: key.publicKey, now: now), key: key)
    }
}

extension Certificate {
    fileprivate var serialBytes: [UInt8] {
        let digits = Array(serialHex)
        return stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0..<$0 + 2]), radix: 16) }
    }
}

/// What waits does so on threads that tasks do not run on.
private enum Blocking {
    static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
        }
    }
}

@Suite(.serialized, .blocking, .timeLimit(.minutes(2))) struct DownstreamTests {
    @Test func whatItsCAIssuesIsVerifiedByTheRootAbove() async throws {
        let above = try await Above()
        let below = try await above.below()
        #expect(below.service.rootFingerprint == above.authority.service.rootFingerprint)
        try await below.entry("/web", parent: "node-b")
        let node = try await TestNode.joined("node-b", to: below)
        let svid = try await node.service.issue(pod()).svid.svid
        let seen = try SVIDVerifier(bundle: above.authority.service.bundle).verify(
            chain: svid.chain, at: above.authority.clock.now)
        #expect(seen.id.path == "/web" && svid.chain.count == 2)
        let authority = svid.chain[1]
        #expect(try CertificateProfile(authority).pathLength == 0)
        #expect(authority.notAfter <= above.authority.clock.now + 7 * 86400)
        let taken = try #require(above.signed.first)
        #expect(taken.serial == authority.serialHex && taken.id == above.entry.spiffeID)
        #expect(taken.entry == above.entry.id && taken.notAfter == authority.notAfter)
    }

    @Test func aRevokedCAIsNobodysAnyMore() async throws {
        let above = try await Above()
        let made = try await above.ask()
        let svid = try made.workload("/web", now: above.authority.clock.now).svid
        let service = above.authority.service
        let taken = try await service.revoke(.serial(made.certificate.serialHex), reason: .keyCompromise, by: 0)
        #expect(taken.map(\.serial) == [made.certificate.serialHex] && taken.map(\.entry) == [above.entry.id])
        try await eventually("nodes hear it") { above.node.service.bundle.revokes(svid) }
        #expect(throws: SVIDRejection.revoked(depth: 1)) {
            try SVIDVerifier(bundle: above.node.service.bundle).verify(
                chain: svid.chain, at: above.authority.clock.now)
        }
    }

    /// With its entry, or its name, all that was signed for it is taken back, and it gets no more.
    @Test func aRevokedEntryTakesItsCAsWithIt() async throws {
        let above = try await Above()
        let made = try await above.ask()
        let taken = try await above.authority.service.revoke(.entry(above.entry.id), reason: .unspecified, by: 0)
        #expect(Set(taken.map(\.serial)).contains(made.certificate.serialHex))
        await #expect(throws: IssuanceError.self) { try await above.ask() }
    }

    @Test(arguments: [
        "not downstream", "no longer", "deleted", "revoked", "not of the registry", "with a serial of the registry",
    ])
    func whoGetsNone(_ why: String) async throws {
        let above = try await Above(isDownstream: why != "not downstream")
        let service = above.authority.service
        switch why {
        case "no longer":
            _ = try await service.updateEntry(
                above.entry.id,
                to: NewEntry(
                    spiffeID: above.entry.spiffeID, parent: above.entry.parent, selectors: above.entry.selectors))
        case "deleted": _ = try await service.deleteEntry(above.entry.id)
        case "revoked":
            let held = try await above.held().svid.leaf
            _ = try await service.revoke(.serial(held.serialHex), reason: .unspecified, by: 0)
        case "not of the registry":
            // A CA below makes SVIDs of any name; they are not by the entry.
            let forged = try await above.ask().workload(above.entry.spiffeID.path, now: above.authority.clock.now)
            try above.given.give(forged, trusting: service.bundle.authorities.map(\.der))
        case "with a serial of the registry":
            // Nor are they with the serial of one that is, which everybody sees to whom it was shown.
            let held = try await above.held().svid.leaf
            let forged = try await above.ask().workload(
                above.entry.spiffeID.path, serial: held.serialBytes, now: above.authority.clock.now)
            #expect(forged.svid.leaf.serialHex == held.serialHex && forged.svid.id == above.entry.spiffeID)
            try above.given.give(forged, trusting: service.bundle.authorities.map(\.der))
        default: break
        }
        let before = above.signed.count
        await #expect(throws: IssuanceError.self) { try await above.ask() }
        #expect(above.signed.count == before)
        if why != "revoked" { #expect(above.refusals == [.notDownstream(above.entry.spiffeID)]) }
    }

    @Test func aCAFromBeforeHasNoRoom() async throws {
        let before = try await TestAuthority()
        try await before.stop()
        let again = try await TestAuthority(in: before.directory, clock: before.clock) {
            $0.downstream = Above.settings
        }
        try await eventually("the next is prepared") {
            try await again.service.certificateAuthorities().map(\.state) == [.active, .prepared]
        }
        #expect(again.service.authorities.current.active.authority.pathLength == 0)
        again.clock.advance(seconds: 20)
        _ = try await again.service.activateAuthority()
        #expect(again.service.authorities.current.active.authority.pathLength == 1)
        // That is the end of it.
        await again.service.lifecycle.look()
        #expect(try await again.service.certificateAuthorities().map(\.state) == [.retired, .active])
    }

    /// An authority whose second port is taken serves nobody.
    @Test func aPortThatIsTakenIsNoStart() async throws {
        let first = try await TestAuthority { $0.downstream = Above.settings }
        let taken = try #require(await first.service.downstreamPort)
        let directory = try TemporaryDirectory()
        var settings = AuthoritySettings(
            trustDomain: trustDomain, name: "second", stateDirectory: directory.path + "/authority",
            listenAddress: Above.settings.address, listenPort: 0)
        settings.downstream = DownstreamSettings(
            address: Above.settings.address, port: taken, lifetime: .seconds(3600))
        let service = try await AuthorityService.open(settings, now: { first.clock.now }, observe: { _ in })
        let wanted = AuthorityError.cannotListen(
            address: "127.0.0.1 port \(taken)", reason: "Address already in use")
        await #expect(throws: wanted) { try await service.run() }
        #expect(await service.downstreamPort == nil)
    }

    @Test func anotherRootAboveIsFollowed() async throws {
        let above = try await Above()
        let below = try await above.below()
        let first = below.service.rootFingerprint
        _ = try await above.authority.service.prepareAuthority()
        above.authority.clock.advance(seconds: 20)
        let second = try await above.authority.service.activateAuthority().rootFingerprint
        try await eventually("the node trusts both") { above.node.service.bundle.authorities.count == 2 }
        try await above.giveNew()
        // The server's own SVID is another after a pause.
        above.authority.clock.advance(seconds: 20)
        try await eventually("a CA below the other root is prepared") {
            await below.service.lifecycle.look()
            let known = try await below.service.certificateAuthorities()
            return known.map(\.state) == [.active, .prepared] && known.map(\.rootFingerprint) == [first, second]
        }
    }

    @Test func whoTheServerIsCounts() async throws {
        let above = try await Above()
        let nodes = try await above.upstream(port: above.authority.port)
        let stranger = try await TestAuthority { $0.downstream = Above.settings }
        let other = try await above.upstream(port: stranger.service.downstreamPort)
        let nobody = try await above.upstream(port: 1)
        for (server, words) in [
            (nodes, "/podshield/authority/main, and not spiffe://example.org/spire/server"),
            (other, "no authority of the bundle stands behind it"), (nobody, "the server cannot be reached"),
        ] {
            await #expect {
                try await Blocking.run { try server.certificates() }
            } throws: {
                "\($0)".contains(words)
            }
        }
    }

    /// It can give its SVIDs the name of a node, and the authority goes by who has issued what is shown.
    @Test func aCABelowMakesNoNodeForTheAuthority() async throws {
        let above = try await Above()
        let made = try await above.ask()
        let (authority, now) = (above.authority, above.authority.clock.now)
        let forged = try made.svid(
            .node("node-a", in: trustDomain), serial: CertificateAuthority.newSerial(), now: now)
        let identity = TransportIdentity(
            current: { forged }, bundle: { [bundle = authority.service.bundle] in bundle }, now: { now })
        let connection = try await AuthorityConnection.open(
            AuthorityAddress(authority.address), identity: identity, expecting: .authority(exactly: nil))
        let running = Task { try? await connection.run() }
        await #expect {
            try await connection.calls.renewNode(Podshield_Authority_V1_RenewNodeRequest())
        } throws: {
            ($0 as? RPCError)?.code == .permissionDenied
        }
        connection.close()
        await running.value
        let wanted = try CallRefusal.issuedElsewhere(ReservedNames.node("node-a", in: trustDomain))
        #expect(
            authority.journal.contains {
                if case .callRefused(_, let refusal) = $0 { refusal == wanted } else { false }
            })
    }

    @Test(arguments: ["nothing", "no certificate", "another key", "another trust domain", "too long"])
    func whatTheWorkloadAPIGivesIsChecked(_ what: String) async throws {
        let above = try await Above()
        let now = above.authority.clock.now
        let root = try CertificateAuthority.createRoot(for: trustDomain, now: now)
        let good = try root.workload("/b", now: now)
        func message(_ change: (inout X509SVIDMessage) throws -> Void) rethrows {
            var message = X509SVIDMessage(good, root.certificate)
            try change(&message)
            above.given.give(message.response)
        }
        switch what {
        case "nothing": above.given.give(nil)
        case "no certificate": message { $0.chain = [1, 2, 3] }
        case "another key": try message { $0.key = try PrivateKey.generate() }
        case "another trust domain":
            let foreign = try TrustDomain("other.example")
            let other = try CertificateAuthority.createRoot(for: foreign, now: now)
            let svid = try other.workload("/b", now: now)
            try above.given.give(svid, trusting: [other.certificate.der])
        default: message { $0.roots = [UInt8](repeating: 0x30, count: (1 << 20) + 1) }
        }
        do {
            _ = try await above.ask()
            Issue.record("it asked")
        } catch {
            #expect("\(error)".contains("Workload API"), "\(error)")
        }
        #expect(above.signed.isEmpty)
    }

    @Test func callsAreFew() async throws {
        let above = try await Above()
        for _ in 0..<8 { _ = try await above.ask() }
        await #expect(throws: IssuanceError.self) { try await above.ask() }
        #expect(above.refusals == [.tooManyCalls])
    }

    /// There are few places, and every workload may take one.
    @Test func whoStaysIsSentAway() async throws {
        let above = try await Above { $0.limits.downstreamConnection = .milliseconds(200) }
        let (authority, held) = (above.authority, try await above.held())
        let identity = TransportIdentity(
            current: { held }, bundle: { [bundle = authority.service.bundle] in bundle },
            now: { [clock = authority.clock] in clock.now })
        let port = try #require(await authority.service.downstreamPort)
        let connection = try await AuthorityConnection.open(
            AuthorityAddress("127.0.0.1:\(port)"), identity: identity,
            expecting: .workload(anyOf: [ReservedNames.spireServer(in: trustDomain)], isOfOwnNode: false))
        let opened = ContinuousClock.now
        _ = try? await connection.run()
        #expect(ContinuousClock.now - opened < .seconds(15))
    }

    /// Who takes the name of another, and has no entry, keeps him from nothing.
    @Test func whoHasNoEntrySpendsHisOwn() async throws {
        let above = try await Above()
        let forged = try await above.ask().workload(above.entry.spiffeID.path, now: above.authority.clock.now)
        try above.given.give(forged, trusting: above.authority.service.bundle.authorities.map(\.der))
        for _ in 0..<14 where above.refusals.last != .tooManyCalls {
            await #expect(throws: IssuanceError.self) { try await above.ask() }
        }
        #expect(above.refusals.last == .tooManyCalls)
        try await above.giveNew()
        _ = try await above.ask()
        #expect(above.signed.count == 2)
    }
}
