import Authority
import Identity
import OpenSSLBinding
import Synchronization
import Testing

@testable import NodeIdentity

/// Nodes that join by tokens of their Kubernetes cluster (k8s-psat). What a cluster says of a token is decided here;
/// KubernetesReviewTests ask a real one.
@Suite(.timeLimit(.minutes(1))) struct ClusterJoinTests {
    private let cluster = Cluster()
    private let pki: MachinePKI
    private let authority: TestAuthority

    init() async throws {
        let (cluster, pki) = (cluster, try MachinePKI())
        self.pki = pki
        authority = try await TestAuthority {
            $0.clusterTokens = ClusterTokens(serviceAccounts: ["podshield:node"]) { token throws(ClusterRefusal) in
                try cluster.review(token)
            }
            $0.machineCertificates = MachineCertificates(roots: [pki.root])
        }
    }

    private final class Cluster: Sendable {
        private let pods = Mutex<[String: Result<ClusterPod, ClusterRefusal>]>([:])

        func put(_ token: String, _ answer: Result<ClusterPod, ClusterRefusal>) { pods.withLock { $0[token] = answer } }

        func review(_ token: String) throws(ClusterRefusal) -> ClusterPod {
            try pods.withLock { $0[token] ?? .failure(.token("the cluster does not know it")) }.get()
        }
    }

    /// A token of a pod there.
    private func token(on node: String, of account: String = "podshield:node", uid: String = "u") -> JoinCredential {
        let text = "\(node) \(account) \(uid)"
        cluster.put(text, .success(ClusterPod(serviceAccount: account, node: node, nodeUID: uid)))
        return .clusterToken(text)
    }

    private func node(_ credential: JoinCredential, as name: String? = nil) async throws -> TestNode {
        let node = try TestNode(clock: authority.clock)
        try await node.join(
            JoinInvitation(
                credential, authorityAddress: authority.address,
                rootFingerprints: [authority.service.rootFingerprint], nodeName: name))
        return node
    }

    private func expectRefused(
        _ credential: JoinCredential, as name: String? = nil, _ reason: JoinRefusal, told: AuthorityCallError? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        var seen: JoinError?
        do { _ = try await node(credential, as: name) } catch { seen = error as? JoinError }
        #expect(seen != nil, sourceLocation: sourceLocation)
        if let told { #expect(seen == .call(told), sourceLocation: sourceLocation) }
        let last = authority.journal.all.compactMap { event -> JoinRefusal? in
            if case .joinRefused(_, let refusal) = event { refusal } else { nil }
        }.last
        #expect(last == reason, sourceLocation: sourceLocation)
    }

    private static let denied = AuthorityCallError.denied("the cluster's token does not let this node in")

    @Test func aNodeJoinsAndJoinsAgain() async throws {
        let first = try await node(token(on: "node-a", uid: "1"))
        #expect(first.service.currentSVID?.svid.id == (try ReservedNames.node("node-a", in: trustDomain)))
        #expect(try await authority.service.nodes().map(\.attestation) == [.clusterToken(nodeUID: "1")])
        // A machine that the cluster now has under the name.
        let again = try await node(token(on: "node-a", uid: "2"), as: "node-a")
        #expect(await again.service.membership?.number == 1)
        let record = try #require(try await authority.service.nodes().first)
        #expect(record.attestation.method == "k8s-psat" && record.attestation.selector == "2")
    }

    @Test func tokensThatLetNobodyIn() async throws {
        await expectRefused(
            .clusterToken("made up"), .clusterToken(.refused(.token("the cluster does not know it"))),
            told: Self.denied)
        await expectRefused(
            token(on: "node-a", of: "shop:web"), .clusterToken(.serviceAccount("shop:web")), told: Self.denied)
        for name in ["..", "a/b", "node-a.\(String(repeating: "x", count: 63))"] {
            await expectRefused(token(on: name), .clusterToken(.badName(name)), told: Self.denied)
        }
        await expectRefused(token(on: "node-a"), as: "node-b", .otherName(asked: "node-b"))
        #expect(try await authority.service.nodes().isEmpty)
    }

    /// The node comes again by itself.
    @Test(arguments: [ClusterRefusal.unavailable("away"), .busy])
    func aClusterThatCannotBeAsked(_ refusal: ClusterRefusal) async throws {
        cluster.put("t", .failure(refusal))
        await expectRefused(
            .clusterToken("t"), .clusterToken(.refused(refusal)),
            told: .unreachable("the authority cannot ask the cluster now"))
    }

    @Test func aBannedNodeStaysOut() async throws {
        _ = try await node(token(on: "node-a"))
        _ = try await authority.service.ban(node: "node-a")
        await expectRefused(token(on: "node-a"), .banned("node-a"))
    }

    /// One witness does not speak of the nodes of another.
    @Test func aClusterDoesNotTakeWhatIsAnothers() async throws {
        _ = try await node(pki.machine("node-a"))
        await expectRefused(token(on: "node-a"), .nameHeld("node-a"))
        _ = try await node(token(on: "node-b"))
        await expectRefused(try pki.machine("node-b"), .nameHeld("node-b"))
        _ = try await TestNode.joined("node-c", to: authority)
        await expectRefused(token(on: "node-c"), .nameHeld("node-c"))
    }

    @Test func nobodyJoinsByTokenWhereNoClusterIsConfigured() async throws {
        let other = try await TestAuthority()
        let node = try TestNode()
        await #expect(throws: JoinError.call(Self.denied)) {
            try await node.join(
                JoinInvitation(
                    token(on: "node-a"), authorityAddress: other.address,
                    rootFingerprints: [other.service.rootFingerprint]))
        }
    }
}
