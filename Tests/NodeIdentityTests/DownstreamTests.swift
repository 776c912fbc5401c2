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
