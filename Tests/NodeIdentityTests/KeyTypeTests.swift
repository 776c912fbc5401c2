import Authority
import AuthorityAPI
import Identity
import OpenSSLBinding
import Testing

@testable import NodeIdentity

/// The keys of workloads, of the type that the node is told.
@Suite(.timeLimit(.minutes(1))) struct KeyTypeTests {
    @Test(arguments: [
        (KeyAlgorithm.ecP256, PublicKey.Kind.ecP256), (.ecP384, .ecP384), (.rsa2048, .rsa(bits: 2048)),
        (.rsa4096, .rsa(bits: 4096)), (.ed25519, .ed25519),
    ])
    func podsAndProcessesHaveKeysOfIt(algorithm: KeyAlgorithm, kind: PublicKey.Kind) async throws {
        let authority = try await TestAuthority()
        try await authority.entry("/pod", selectors: [.namespace("shop")])
        try await authority.entry("/process", selectors: [.userID(1000)])
        let node = try TestNode(clock: authority.clock, keyAlgorithm: algorithm)
        try await node.join(authority.invitation(node: "node-a"))
        let pod = try await node.service.issue(pod())
        try await eventually("the entries") { await node.service.entries?.count == 2 }
        let entry = try #require(await node.service.entries?.inOrder.first { $0.spiffeID.path == "/process" })
        let process = try await node.service.svid(of: entry)
        #expect(pod.svid.svid.leaf.publicKey.kind == kind && process.svid.leaf.publicKey.kind == kind)
        #expect(node.service.currentSVID?.svid.leaf.publicKey.kind == .ecP256)
    }
}
