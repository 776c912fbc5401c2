internal import PrintableText

/// Which tokens of a Kubernetes cluster let the nodes join that they are on (projected service account tokens).
public struct ClusterTokens: Sendable {
    /// Whose tokens, as `namespace:name`. Whoever can run a pod under one of them on a node can join as that node.
    public var serviceAccounts: Set<String>
    /// Asks the cluster whose a token is.
    public var review: @Sendable (_ token: String) async throws(ClusterRefusal) -> ClusterPod

    public init(
        serviceAccounts: Set<String>,
        review: @escaping @Sendable (_ token: String) async throws(ClusterRefusal) -> ClusterPod
    ) {
        self.serviceAccounts = serviceAccounts
        self.review = review
    }
}

/// A pod as its cluster knows it.
public struct ClusterPod: Sendable, Equatable {
    /// `namespace:name`
    public var serviceAccount: String
    public var node: String
    /// Of the cluster's node object; empty where the cluster does not say.
    public var nodeUID: String

    public init(serviceAccount: String, node: String, nodeUID: String) {
        self.serviceAccount = serviceAccount
        self.node = node
        self.nodeUID = nodeUID
    }
}

/// Why a cluster does not say whose a token is.
public enum ClusterRefusal: Error, Sendable, Equatable {
    /// The token is to blame.
    case token(String)
    /// The cluster is, or the way there: another time it may.
    case unavailable(String)
    case busy
}

extension ClusterTokens {
    /// The node that a token is on.
    func attest(_ token: String) async throws(ClusterRejection) -> AttestedNode {
        let pod: ClusterPod
        do throws(ClusterRefusal) { pod = try await review(token) } catch { throw .refused(error) }
        guard serviceAccounts.contains(pod.serviceAccount) else { throw .serviceAccount(pod.serviceAccount) }
        guard AuthorityCore.isNodeName(pod.node) else { throw .badName(pod.node) }
        return AttestedNode(name: pod.node, attestation: .clusterToken(nodeUID: pod.nodeUID))
    }
}

/// Why a cluster's token lets no node in.
public enum ClusterRejection: Error, Sendable, Equatable {
    /// This authority was told of no cluster.
    case notConfigured
    case refused(ClusterRefusal)
    case serviceAccount(String)
    case badName(String)
}

extension ClusterRejection: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notConfigured: "this authority lets no nodes in by a cluster's tokens"
        case .refused(.token(let reason)), .refused(.unavailable(let reason)): reason
        case .refused(.busy): "too many tokens are being looked at"
        case .serviceAccount(let account): "service account \(account.quoted) is none of those that may join"
        case .badName(let name): "it is on \(name.quoted), which is no name for a node"
        }
    }
}
