public import AuthorityAPI
public import Identity

/// What the Workload API needs to know of the node that it serves.
public protocol WorkloadIdentities: Sendable {
    /// The registration entries for this node, the one that makes the default identity first; nil before they are known.
    func entries() async -> [WorkloadEntry]?

    /// The valid SVID of one of them; nil while there is none.
    func svid(of entry: WorkloadEntry) async -> KeyedSVID?

    /// The pod that lives in a network namespace.
    ///
    /// - Parameter number: this network namespace's own number for it.
    func pod(inNamespace number: Int32) async -> KnownPod?

    var bundle: TrustBundle { get }

    /// Yields at once, and whenever any of the answers may have become another.
    func changes() -> AsyncStream<Void>
}

/// A pod of this node.
public struct KnownPod: Sendable {
    public let facts: PodFacts
    /// Its own, while that is valid.
    public let svid: KeyedSVID?

    public init(facts: PodFacts, svid: KeyedSVID?) {
        self.facts = facts
        self.svid = svid
    }
}
