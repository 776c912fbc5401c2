import AuthorityAPI
import Foundation
import Identity
import KernelTestSupport
import OpenSSLBinding
import Testing

@testable import Authority
@testable import NodeIdentity

/// What a node does with what it holds for its workloads, when the authority does not count it among its own any more
/// (docs/adr/0038).
@Suite(.timeLimit(.minutes(1))) struct ExclusionTests {
    /// A node that has an SVID for a pod and one for processes, in memory and on disk.
    private struct Holder {
        let node: TestNode
        let entry: WorkloadEntry

        init(_ authority: TestAuthority) async throws {
            node = try await TestNode.joined("node-a", to: authority)
            try await authority.entry("/web", parent: "node-a")
            let service = node.service
            try await eventually("the entry is known") { await service.knownEntries.areAll }
            entry = try #require(await service.knownEntries.index.inOrder.first)
            _ = try await service.svid(of: entry)
            _ = try await service.issue(pod())
            #expect(try saved() == 2)
        }

        func isHeld() async throws -> Bool {
            let pod = await node.service.workload(try pod().podName)
            let entry = await node.service.heldSVID(of: entry)
            #expect((pod == nil) == (entry == nil))
            return pod != nil
        }

        func saved() throws -> Int {
            try ["workloads", "entries"].reduce(0) { count, part in
                let path = node.directory.path + "/node/" + part
                return try count + FileManager.default.contentsOfDirectory(atPath: path).count
            }
        }

        func exclusion() async -> Exclusion? { await node.service.status().exclusion }
    }

    private static func shutOut(_ how: String, _ holder: Holder, by authority: TestAuthority) async throws {
        let service = authority.service
        switch how {
        case "ban": #expect(try await service.ban(node: "node-a") != nil)
        case "revoke": _ = try await service.revoke(.node("node-a"), reason: .keyCompromise, by: 0)
        case "serial":
            let serial = try #require(holder.node.service.currentSVID).svid.leaf.serialHex
            _ = try await service.revoke(.serial(serial), reason: .keyCompromise, by: 0)
        default: _ = try await TestNode.joined("node-a", to: authority)
        }
    }

    @Test(arguments: ["ban", "revoke", "serial", "another joins"])
    func whatWasTakenBackIsGivenToNobody(how: String) async throws {
        let authority = try await TestAuthority()
        let holder = try await Holder(authority)
        let service = holder.node.service
        var changes = service.watch().changes.makeAsyncIterator()
        _ = await changes.next()
        try await Self.shutOut(how, holder, by: authority)
        try await eventually("it knows") { await holder.exclusion()?.takesAllBack == true }
        #expect(await changes.next() != nil)
        #expect(try await !holder.isHeld())
        #expect(try holder.saved() == 0)
        // Whoever asks is told that he has nothing, not that he should come again.
        let known = await service.knownEntries
        #expect(known.index.isEmpty && known.areAll)
        await #expect(throws: AuthorityCallError.self) { try await service.svid(of: holder.entry) }
        // The authority is not asked again for what it has refused.
        try await authority.stop()
        let reason = try #require(await holder.exclusion()).reason
        await #expect(throws: AuthorityCallError.denied(reason)) { try await service.issue(pod()) }
    }

    @Test func aRestartBringsNothingBack() async throws {
        let authority = try await TestAuthority()
        let holder = try await Holder(authority)
        try await Self.shutOut("ban", holder, by: authority)
        try await eventually("it knows") { await holder.exclusion() != nil }
        await holder.node.stop()
        let again = try TestNode(in: holder.node.directory, clock: authority.clock)
        #expect(await again.service.heldWorkloads.isEmpty)
        let known = await again.service.knownEntries
        #expect(known.index.isEmpty && !known.areAll)
        try await eventually("it knows again") { await again.service.status().exclusion?.takesAllBack == true }
        #expect(await again.service.knownEntries.areAll)
    }

    @Test func whoJoinsAgainIsGivenAllAnew() async throws {
        let authority = try await TestAuthority()
        let holder = try await Holder(authority)
        try await Self.shutOut("ban", holder, by: authority)
        try await eventually("it knows") { await holder.exclusion()?.takesAllBack == true }
        _ = try await authority.service.evict(node: "node-a")
        try await eventually("it may join") { await holder.exclusion()?.isOverOnceItJoins == true }
        #expect(try await !holder.isHeld())
        try await holder.node.join(authority.invitation(node: "node-a"))
        try await eventually("the entry is known") { await !holder.node.service.knownEntries.index.isEmpty }
        _ = try await holder.node.service.svid(of: holder.entry)
        _ = try await holder.node.service.issue(pod())
        #expect(try holder.saved() == 2)
    }

    /// An authority that went back to a copy of its registry from before.
    @Test func whoIsLetInWithoutJoiningIsGivenAllAnew() async throws {
        let first = try await TestAuthority()
        let holder = try await Holder(first)
        try await first.stop()
        let copy = try RegistryCopy(of: first)
        let second = try await TestAuthority(in: first.directory, port: first.port)
        try await Self.shutOut("ban", holder, by: second)
        try await eventually("it knows") { await holder.exclusion()?.takesAllBack == true }
        try await second.stop()
        try copy.restore()
        let third = try await TestAuthority(in: first.directory, port: first.port)
        try await eventually(within: .seconds(30), "it is let in") { await holder.exclusion() == nil }
        try await eventually("the entry is known") { await !holder.node.service.knownEntries.index.isEmpty }
        _ = try await holder.node.service.svid(of: holder.entry)
        _ = try await holder.node.service.issue(pod())
        try await third.stop()
    }

    // MARK: What is not certain

    /// It may be back at once, and what was issued by the entry is as good as before if it was not the operator's will.
    @Test func anEvictedNodeKeepsWhatItHas() async throws {
        let authority = try await TestAuthority()
        let holder = try await Holder(authority)
        _ = try await authority.service.evict(node: "node-a")
        try await eventually("it knows") { await holder.exclusion()?.isOverOnceItJoins == true }
        #expect(try await holder.isHeld())
        #expect(try holder.saved() == 2)
    }

    /// In the end it was somebody's will.
    @Test(arguments: ["ban", "revoke"]) func anEvictedNodeThatIsBannedThenKeepsNothing(how: String) async throws {
        let authority = try await TestAuthority()
        let holder = try await Holder(authority)
        _ = try await authority.service.evict(node: "node-a")
        try await eventually("it knows") { await holder.exclusion()?.isOverOnceItJoins == true }
        try await Self.shutOut(how, holder, by: authority)
        try await eventually(within: .seconds(30), "it knows that too") {
            await holder.exclusion()?.takesAllBack == true
        }
        #expect(try await !holder.isHeld())
        #expect(try holder.saved() == 0)
    }

    /// A fleet is not to be lost by a registry that is older than it.
    @Test func aRegistryOfBeforeTakesNothing() async throws {
        let first = try await TestAuthority()
        try await first.stop()
        let copy = try RegistryCopy(of: first)
        let second = try await TestAuthority(in: first.directory, port: first.port)
        let holder = try await Holder(second)
        try await second.stop()
        try copy.restore()
        let third = try await TestAuthority(in: first.directory, port: first.port)
        try await eventually(within: .seconds(30), "it is not known") {
            await holder.exclusion()?.isOverOnceItJoins == true
        }
        #expect(try await holder.isHeld())
        try await third.stop()
    }

    /// Of those that it had let in nothing was said: they show who they are once more. What they trust is without it at once.
    @Test func aCAThatIsTakenOutTakesNoNodeOut() async throws {
        let authority = try await TestAuthority()
        let holder = try await Holder(authority)
        let former = try #require(try await authority.service.certificateAuthorities().first)
        _ = try await authority.service.prepareAuthority()
        authority.clock.advance(seconds: 15)
        _ = try await authority.service.activateAuthority()
        _ = try await authority.service.revokeAuthority(former.fingerprint, force: true)
        try await eventually("it knows") { await holder.exclusion()?.isOverOnceItJoins == true }
        #expect(holder.node.service.bundle.authorities.count == 1)
        #expect(await !holder.node.service.knownEntries.index.isEmpty)
        try await holder.node.join(authority.invitation(node: "node-a"))
        try await eventually("its pod is issued anew") {
            let svid = await holder.node.service.workload(try pod().podName)?.svid.svid
            return svid.map { $0.issuer.fingerprint != former.fingerprint } ?? false
        }
        _ = try await holder.node.service.svid(of: holder.entry)
    }

    /// It was let in, and did not hear of it: who has joined in its name is itself.
    @Test func aJoinWithoutAnAnswerTakesNothing() async throws {
        let authority = try await TestAuthority()
        let holder = try await Holder(authority)
        let directory = holder.node.directory
        await holder.node.stop()
        try NodeStateFiles(directory: directory.path + "/node", trustDomain: trustDomain).openJoin()
        try await Self.shutOut("another joins", holder, by: authority)
        let node = try TestNode(in: directory, clock: authority.clock)
        let service = node.service
        try await eventually("it knows") { await service.status().exclusion?.isOverOnceItJoins == true }
        #expect(await service.heldWorkloads.count == 1)
        // One that is refused leaves it open, and one that is granted does not.
        let known = try await authority.invitation(node: "node-a")
        let refused = JoinInvitation(
            .token("none"), authorityAddress: known.authorityAddress, rootFingerprints: known.rootFingerprints,
            nodeName: "node-a")
        await #expect(throws: JoinError.self) { try await service.join(refused) }
        #expect(await service.files.hasOpenJoin)
        try await node.join(authority.invitation(node: "node-a"))
        #expect(await service.status().exclusion == nil)
        #expect(await !service.files.hasOpenJoin)
        // The next that joins in its name is another.
        _ = try await TestNode.joined("node-a", to: authority)
        try await eventually("it knows") { await service.status().exclusion?.takesAllBack == true }
    }

    /// Nodes that joined while the authority's clock was ahead are as good as before when it was set right.
    @Test func aClockThatWasAheadTakesNoNodeOut() async throws {
        let authority = try await TestAuthority(clock: TestClock(stoppedAt: TestClock().now))
        authority.clock.advance(seconds: 86_400)
        let node = try await TestNode.joined("node-a", to: authority)
        try await eventually("a connection") { await node.service.currentDirectory != nil }
        authority.clock.advance(seconds: -80_000)
        try await node.service.renewNode()
        let connections = { node.journal.all.count { if case .connected = $0 { true } else { false } } }
        try await eventually("another connection, by the new one") { connections() >= 2 }
        try await node.service.renewNode()
        #expect(await node.service.status().exclusion == nil)
    }
}
