import Authority
import AuthorityAPI
import Identity
import Testing

@testable import NodeIdentity

/// Entries for pods by what Kubernetes calls them and their node.
@Suite(.timeLimit(.minutes(1))) struct PodSelectorTests {
    private static let uid = PodUID("a1b2c3d4-e5f6-7890-abcd-ef1234567890")!

    private func path(_ node: TestNode, _ pod: PodFacts) async throws -> String {
        try await node.service.issue(pod).svid.svid.id.path
    }

    @Test func aPodIsFoundByItsUID() async throws {
        let authority = try await TestAuthority()
        try await authority.entry("/by-uid", selectors: [.podUID(Self.uid)])
        let node = try await TestNode.joined("node-a", to: authority)
        #expect(try await path(node, pod().keeping(Self.uid)) == "/by-uid")
        await #expect(throws: AuthorityCallError.self) { try await path(node, pod("web-1")) }
    }

    /// Whatever else a node says: its name is that of its SVID.
    @Test func aPodIsFoundByTheNameOfItsNode() async throws {
        let authority = try await TestAuthority()
        try await authority.entry("/by-node", selectors: [.nodeName("node-a")])
        let a = try await TestNode.joined("node-a", to: authority)
        let b = try await TestNode.joined("node-b", to: authority, address: "192.0.2.2")
        #expect(try await path(a, pod()) == "/by-node")
        await #expect(throws: AuthorityCallError.self) { try await path(b, pod()) }
    }

    @Test func anEntryForItsNodeReachesAPod() async throws {
        let authority = try await TestAuthority()
        try await authority.entry("/any", selectors: [.namespace("shop")])
        let node = try await TestNode.joined("node-a", to: authority)
        let pod = try pod()
        #expect(try await path(node, pod) == "/any")
        try await eventually("the entries") { await node.service.entries?.count == 1 }
        try await authority.entry("/here", selectors: [.namespace("shop"), .nodeName("node-a")])
        try await eventually("another identity") {
            await node.service.workload(pod.podName)?.svid.svid.id.path == "/here"
        }
    }

    @Test func aUIDIsKnownAfterARestart() async throws {
        let authority = try await TestAuthority()
        try await authority.entry("/by-uid", selectors: [.podUID(Self.uid)])
        let before = try await TestNode.joined("node-a", to: authority)
        let pod = try pod().keeping(Self.uid)
        let issued = try await before.service.issue(pod)
        await before.stop()
        let after = try TestNode(in: before.directory, clock: authority.clock)
        let restored = try await after.service.resume(pod)
        #expect(restored.pod == pod && restored.svid.svid == issued.svid.svid)
    }
}
