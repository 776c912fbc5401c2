import Authority
import AuthorityAPI
import Identity
import OpenSSLBinding
import Testing

@testable import NodeIdentity

@Suite struct RevocationTests {
    private func revoke(
        _ authority: TestAuthority, _ subject: RevocationSubject
    ) async throws -> [CertificateRecord] {
        try await authority.service.revoke(subject, reason: .keyCompromise, by: 0)
    }

    private func serial(_ node: TestNode, _ pod: PodFacts) async -> String? {
        await node.service.workload(pod.podName)?.svid.svid.leaf.serialHex
    }

    @Test func aRevokedCertificateIsReplacedAndRefusedEverywhere() async throws {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("a", to: authority)
        let other = try await TestNode.joined("b", to: authority, address: "192.0.2.2")
        try await authority.entry("/web", parent: "a")
        // An entry that it hears of later has another SVID issued.
        try await eventually("the entry is known") { await node.service.entries?.count == 1 }
        let issued = try await node.service.issue(pod())
        let bystander = try await node.service.issue(pod("web-1"))
        let former = issued.svid.svid.leaf.serialHex
        let taken = try await revoke(authority, .serial(former))
        #expect(taken.map(\.serial) == [former] && taken.map(\.spiffeID) == ["\(issued.svid.svid.id)"])
        try await eventually("another takes its place") {
            guard let now = await serial(node, try pod()) else { return false }
            return now != former
        }
        try await eventually("another node hears it") { other.service.bundle.revokes(issued.svid.svid) }
        #expect(throws: SVIDRejection.revoked(depth: 0)) {
            try SVIDVerifier(bundle: other.service.bundle).verify(
                chain: issued.svid.svid.chain, at: authority.clock.now)
        }
        #expect(await serial(node, try pod("web-1")) == bystander.svid.svid.leaf.serialHex)
        #expect(
            node.journal.contains { if case .workloadRevoked(let lost) = $0 { lost.pod == issued.pod } else { false } })
    }

    @Test(arguments: ["spiffe-id", "entry"])
    func aRevokedNameOrEntryGivesNothingUntilItIsLifted(_ kind: String) async throws {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("a", to: authority)
        let entry = try await authority.entry("/web", parent: "a")
        try await eventually("the entry is known") { await node.service.entries?.count == 1 }
        let issued = try await node.service.issue(pod())
        let subject: RevocationSubject = kind == "entry" ? .entry(entry.id) : .spiffeID(entry.spiffeID)
        #expect(try await revoke(authority, subject).count == 1)
        try await eventually("it is gone") { await serial(node, try pod()) == nil }
        try await eventually("and the entry") { await node.service.entries?.isEmpty == true }
        await #expect(throws: AuthorityCallError.denied("\(entry.spiffeID) is revoked")) {
            try await node.service.issue(pod())
        }
        #expect(try await authority.service.revocations().revocations.map(\.kind) == [kind])
        _ = try await authority.service.lift(subject, by: 0)
        let new = try await node.service.issue(pod())
        #expect(node.service.bundle.revokes(issued.svid.svid) && !node.service.bundle.revokes(new.svid.svid))
        await #expect(throws: RevocationError.notFound(subject)) { try await authority.service.lift(subject, by: 0) }
    }

    @Test func aRevokedNodeIsShutOutAndWhatItHadIsOnTheList() async throws {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("a", to: authority)
        let other = try await TestNode.joined("b", to: authority, address: "192.0.2.2")
        try await authority.entry("/web", parent: "a")
        let issued = try await node.service.issue(pod())
        let own = try #require(node.service.currentSVID?.svid)
        #expect(try await revoke(authority, .node("a")).count == 2)
        try await eventually("it is shut out") { await node.service.status().exclusion != nil }
        try await eventually("others hear it") {
            other.service.bundle.revokes(issued.svid.svid) && other.service.bundle.revokes(own)
        }
        #expect(try await authority.service.nodes().first { $0.name == "a" }?.isBanned == true)
        await #expect(throws: RevocationError.notLiftable(.node("a"))) {
            try await authority.service.lift(.node("a"), by: 0)
        }
    }

    /// The key may be somebody else's by now: it does not open a renewal either.
    @Test func aNodeWhoseCertificateIsRevokedIsNotAnswered() async throws {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("a", to: authority)
        let serial = try #require(node.service.currentSVID?.svid.leaf.serialHex)
        _ = try await revoke(authority, .serial(serial))
        try await eventually("it is shut out") { await node.service.status().exclusion != nil }
        try await node.join(authority.invitation(node: "a"))
        try await eventually("with a new one it is let in") { await node.service.status().isConnected }
        #expect(await node.service.status().exclusion == nil)
    }

    @Test func aNodeThatWasAwayHearsItWhenItIsBack() async throws {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("a", to: authority)
        try await authority.entry("/web", parent: "a")
        let issued = try await node.service.issue(pod())
        await node.stop()
        _ = try await revoke(authority, .serial(issued.svid.svid.leaf.serialHex))
        let back = try TestNode(in: node.directory, clock: authority.clock)
        try await eventually("it is replaced") {
            guard let now = await serial(back, try pod()) else { return false }
            return now != issued.svid.svid.leaf.serialHex
        }
        await back.stop()
        // And without the authority: the list is on its disk.
        let again = try TestNode(in: node.directory, clock: authority.clock)
        #expect(again.service.bundle.revokes(issued.svid.svid))
    }

    /// Those who have the SVID hear that it is revoked long before the request for another is given up.
    @Test(.timeLimit(.minutes(2))) func whoAsksMeanwhileWaitsAMomentAlone() async throws {
        let authority = try await TestAuthority()
        let node = try TestNode(clock: authority.clock, patience: .seconds(3600))
        try await node.join(authority.invitation(node: "a"))
        try await authority.entry("/web", parent: "a")
        // An entry that it hears of later has another SVID issued.
        try await eventually("the entry is known") { await node.service.entries?.count == 1 }
        let issued = try await node.service.issue(pod())
        await node.stop()
        _ = try await revoke(authority, .serial(issued.svid.svid.leaf.serialHex))
        let bundle = authority.service.bundle
        try await authority.stop()
        node.service.credentials.replace(bundle: bundle)
        await node.service.replaceRevoked()
        let held = await node.service.workload(issued.pod.podName)
        #expect(held == nil)
        #expect(node.journal.contains { if case .workloadRevoked = $0 { true } else { false } })
    }

    @Test func aDryRunTellsAndChangesNothing() async throws {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("a", to: authority)
        try await authority.entry("/web", parent: "a")
        let issued = try await node.service.issue(pod())
        let number = authority.service.bundle.sequence
        let concerned = try await authority.service.revoke(
            .spiffeID(issued.svid.svid.id), reason: .unspecified, by: 0, dryRun: true)
        #expect(concerned.map(\.serial) == [issued.svid.svid.leaf.serialHex])
        #expect(authority.service.bundle.sequence == number)
        #expect(try await authority.service.revocations().certificates.isEmpty)
        for subject in [RevocationSubject.serial("00ff"), .entry("none"), .node("none")] {
            await #expect(throws: RevocationError.notFound(subject)) { try await revoke(authority, subject) }
        }
        await #expect(throws: RevocationError.self) {
            try await revoke(authority, .spiffeID(ReservedNames.node("a", in: trustDomain)))
        }
    }

    @Test func theListForgetsWhatHasEndedAndIsRenewedInTime() async throws {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("a", to: authority)
        try await authority.entry("/web", parent: "a")
        let issued = try await node.service.issue(pod())
        _ = try await revoke(authority, .serial(issued.svid.svid.leaf.serialHex))
        let list = try #require(authority.service.bundle.revocations.first)
        #expect(list.serials == [issued.svid.svid.leaf.serialHex])
        await node.stop()
        try await authority.stop()
        authority.clock.advance(seconds: 50_000)
        let next = try await TestAuthority(in: authority.directory, clock: authority.clock)
        let renewed = try #require(next.service.bundle.revocations.first)
        #expect(renewed.number == list.number + 1 && renewed.serials.isEmpty)
        #expect(renewed.thisUpdate > list.thisUpdate)
    }

    /// A node that has had more issued than a list has room for cannot make itself impossible to shut out.
    @Test(arguments: ["ban", "revoke", "evict"]) func aFullListKeepsNoNodeIn(_ how: String) async throws {
        let authority = try await TestAuthority { $0.limits.directory.revocations = 2 }
        let node = try await TestNode.joined("a", to: authority)
        try await authority.entry("/web", parent: "a")
        for number in 0..<5 { _ = try await node.service.issue(pod("web-\(number)")) }
        switch how {
        case "ban": #expect(try await authority.service.ban(node: "a") != nil)
        case "revoke": #expect(try await revoke(authority, .node("a")).count == 6)
        default: #expect(try await authority.service.evict(node: "a") != nil)
        }
        try await eventually("it is shut out") { await node.service.status().exclusion != nil }
        #expect(try await authority.service.revocations().certificates.count == 2)
        #expect(try await authority.service.directory().nodes.isEmpty)
        // One certificate is not taken back in silence.
        let other = try await TestNode.joined("b", to: authority, address: "192.0.2.2")
        let serial = try #require(other.service.currentSVID).svid.leaf.serialHex
        await #expect(throws: RevocationError.self) { try await revoke(authority, .serial(serial)) }
        #expect(!authority.service.bundle.revokes(serial: serial))
    }
}
