import AuthorityAPI
import Foundation
import Identity
import OpenSSLBinding
import SwiftProtobuf
import Testing

@testable import Authority
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

    /// As much as the registry takes, all of it for one node, in one message. A twelfth, which is more than gRPC
    /// takes unless told: the rest would only take its time.
    @Test func aFullRegistryReachesItsNode() async throws {
        let authority = try await TestAuthority { $0.limits.directory.entryBytes /= 12 }
        var count = 0
        let error = await #expect(throws: EntryError.self) {
            while true {
                _ = try await authority.service.createEntry(Self.large(count))
                count += 1
            }
        }
        let limit = authority.service.settings.limits.directory.entryBytes
        #expect(error.map { "\($0)" } == "the authority has room for \(limit) bytes of registration entries")
        #expect(try await limit - 32768...limit ~= authority.service.extent().entryBytes)
        let node = try await TestNode.joined("node-a", to: authority)
        try await eventually(within: .seconds(40), "\(count) entries") { [count] in
            await node.service.entries?.count == count
        }
    }

    /// Nearly the largest that there may be, and all of it for nodes.
    private static func large(_ number: Int) throws -> NewEntry {
        let long = String(repeating: "v", count: 250)
        return NewEntry(
            spiffeID: try SPIFFEID(trustDomain: trustDomain, path: "/w\(number)" + String(repeating: "x", count: 2000)),
            selectors: (100..<131).map { .podLabel(key: "\($0)" + long, value: long) }
                + [.executablePath("/" + String(repeating: "p", count: 4000))],
            hint: String(repeating: "h", count: 1024))
    }

    /// What the registry counts is never less than what nodes are sent, and not much more.
    @Test(arguments: [0, 1, 31]) func whatIsCountedIsWhatIsSent(_ many: Int) async throws {
        let authority = try await TestAuthority()
        let service = authority.service
        for number in 0..<20 {
            let labels = (0..<many).map {
                Selector.podLabel(key: "k\($0)", value: String(repeating: "v", count: 8 * number))
            }
            let path = "/usr/bin/käse" + String(repeating: "/é", count: 60 * number)
            _ = try await service.createEntry(
                NewEntry(
                    spiffeID: SPIFFEID(
                        trustDomain: trustDomain, path: "/w\(number)" + String(repeating: "x", count: 90 * number)),
                    selectors: labels + [.executablePath(path)], hint: String(repeating: "ü", count: 25 * number)))
        }
        let listed = try await service.entries().map(ListedEntry.init)
        let sent = try Podshield_Authority_V1_EntryList(EntryNews(entries: listed, number: 1)).serializedData().count
        let counted = try await service.extent().entryBytes
        #expect(sent <= counted && counted <= sent + sent / 3 + 20 * 64, "\(sent) of \(counted)")
        try await authority.stop()
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
