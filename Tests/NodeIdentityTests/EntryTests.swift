import Authority
import AuthorityAPI
import Foundation
import Identity
import OpenSSLBinding
import Testing

@testable import NodeIdentity

/// Identities of processes: the node finds whose an entry is, the authority decides what it says.
@Suite(.timeLimit(.minutes(1))) struct EntryTests {
    private func entries(_ node: TestNode, count: Int) async throws -> [WorkloadEntry] {
        try await eventually("\(count) entries") { await node.service.entries?.count == count }
        return await node.service.entries?.inOrder ?? []
    }

    @Test func aNodeKnowsItsEntriesAndEveryChangeOfThem() async throws {
        let authority = try await TestAuthority()
        let node = try TestNode(clock: authority.clock)
        #expect(await node.service.entries == nil)
        try await node.join(authority.invitation(node: "node-a"))
        #expect(try await entries(node, count: 0) == [])
        var changes = node.service.watch().changes.makeAsyncIterator()
        _ = await changes.next()
        let own = try await authority.entry("/own", parent: "node-a", selectors: [.userID(1000)])
        try await authority.entry("/foreign", parent: "node-b", selectors: [.userID(1000)])
        let known = try await entries(node, count: 1)
        #expect(
            known == [WorkloadEntry(id: own.id, spiffeID: own.spiffeID, selectors: own.selectors, hint: "", edition: 1)]
        )
        _ = await changes.next()
        _ = try await authority.service.deleteEntry(own.id)
        #expect(try await entries(node, count: 0) == [])
    }

    @Test func anEntryIsIssuedAsTheAuthorityHasIt() async throws {
        let authority = try await TestAuthority()
        try await authority.entry("/own", selectors: [.userID(1000)], lifetime: .seconds(300))
        let node = try await TestNode.joined("node-a", to: authority)
        let entry = try await entries(node, count: 1)[0]
        let svid = try await node.service.svid(of: entry)
        #expect(svid.svid.id == entry.spiffeID && svid.svid.notAfter - svid.svid.notBefore == 310)
        #expect(svid.svid.binding?.node == node.service.currentSVID?.svid.id)
        // Held, not issued again; those who ask at once share it.
        let again = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<16 { group.addTask { try await node.service.svid(of: entry).svid.leaf.serialHex } }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(again == [svid.svid.leaf.serialHex])
    }

    /// A node that asks past what it was told gets no more than that.
    @Test func anEntryOfAnotherNodeIsNotIssued() async throws {
        let authority = try await TestAuthority()
        let foreign = try await authority.entry("/foreign", parent: "node-b", selectors: [.userID(1000)])
        let node = try await TestNode.joined("node-a", to: authority)
        for id in [foreign.id, "no such"] {
            var message = Podshield_Authority_V1_IssueWorkloadRequest()
            message.entry = id
            let asked = message
            await #expect(throws: AuthorityCallError.notRegistered("there is no entry '\(id)' on this node")) {
                try await node.service.request(asked, .awaited)
            }
        }
    }

    @Test func svidsOfEntriesAreRenewedAtHalfLife() async throws {
        let authority = try await TestAuthority()
        try await authority.entry("/own", selectors: [.userID(1000)], lifetime: .seconds(12))
        let node = try await TestNode.joined("node-a", to: authority)
        let entry = try await entries(node, count: 1)[0]
        let first = try await node.service.svid(of: entry)
        try await eventually("another SVID") {
            try await node.service.svid(of: entry).svid.leaf != first.svid.leaf
        }
        #expect(try await node.service.svid(of: entry).key.publicKey != first.key.publicKey)
    }

    @Test func whatHasGoneIsForgotten() async throws {
        let authority = try await TestAuthority()
        let made = try await authority.entry("/own", selectors: [.userID(1000)])
        let node = try await TestNode.joined("node-a", to: authority)
        let entry = try await entries(node, count: 1)[0]
        _ = try await node.service.svid(of: entry)
        _ = try await authority.service.deleteEntry(made.id)
        _ = try await entries(node, count: 0)
        await #expect(throws: AuthorityCallError.self) { try await node.service.svid(of: entry) }
        #expect(await node.service.heldEntries.isEmpty)
    }

    /// Also where only the authority knows of what has changed.
    @Test func anEntryThatChangesIsIssuedAnew() async throws {
        let authority = try await TestAuthority()
        let made = try await authority.entry("/own", selectors: [.userID(1000)])
        let node = try await TestNode.joined("node-a", to: authority)
        let entry = try await entries(node, count: 1)[0]
        let before = try await node.service.svid(of: entry).svid
        _ = try await authority.service.updateEntry(
            made.id, to: NewEntry(spiffeID: made.spiffeID, selectors: made.selectors, lifetime: .seconds(300)))
        try await eventually("another edition") { await node.service.entries?.inOrder.first?.edition == 2 }
        await #expect(throws: AuthorityCallError.self) { try await node.service.svid(of: entry) }
        let changed = try await entries(node, count: 1)[0]
        let after = try await node.service.svid(of: changed).svid
        #expect(before.notAfter - before.notBefore == 3610 && after.notAfter - after.notBefore == 310)
    }

    @Test func podsHearOfEveryChangeOfWhatFitsThem() async throws {
        let authority = try await TestAuthority()
        let made = try await authority.entry("/own")
        let node = try await TestNode.joined("node-a", to: authority)
        _ = try await entries(node, count: 1)
        let web = try pod()
        let issued = try await node.service.issue(web)
        let other = try await authority.entry("/of-others", selectors: [.namespace("elsewhere")])
        _ = try await entries(node, count: 2)
        _ = try await authority.service.updateEntry(
            made.id, to: NewEntry(spiffeID: made.spiffeID, selectors: made.selectors, labels: ["tier": "front"]))
        try await eventually("the identity with the label") {
            await node.service.workload(web.podName)?.identity != issued.identity
        }
        let renamed = try SPIFFEID(trustDomain: trustDomain, path: "/renamed")
        _ = try await authority.service.updateEntry(made.id, to: NewEntry(spiffeID: renamed, selectors: made.selectors))
        try await eventually("the new name") { await node.service.workload(web.podName)?.svid.svid.id == renamed }
        let serial = await node.service.workload(web.podName)?.svid.svid.leaf.serialHex
        _ = try await authority.service.deleteEntry(other.id)
        _ = try await entries(node, count: 1)
        #expect(await node.service.workload(web.podName)?.svid.svid.leaf.serialHex == serial)
    }

    /// What nobody renewed in time is given to nobody.
    @Test func anExpiredSVIDIsNotGiven() async throws {
        let authority = try await TestAuthority()
        try await authority.entry("/own", selectors: [.userID(1000)], lifetime: .seconds(60))
        let node = try TestNode(clock: authority.clock, patience: .seconds(5))
        try await node.join(authority.invitation(node: "node-a"))
        let entry = try await entries(node, count: 1)[0]
        _ = try await node.service.svid(of: entry)
        try await authority.stop()
        authority.clock.advance(seconds: 61)
        await #expect(throws: AuthorityCallError.self) { try await node.service.svid(of: entry) }
    }
}
