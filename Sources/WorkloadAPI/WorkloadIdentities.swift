public import AuthorityAPI
public import Identity
public import JOSE

/// What the Workload API needs to know of the node that it serves.
public protocol WorkloadIdentities: Sendable {
    /// The registration entries for this node, the one that makes the default identity first; nil before they are known.
    func entries() async -> [WorkloadEntry]?

    /// The pod that lives in a network namespace.
    ///
    /// - Parameter number: this network namespace's own number for it.
    func pod(inNamespace number: Int32) async -> KnownPod?

    /// The valid SVID of an entry; nil while there is none.
    func svid(of entry: WorkloadEntry) async -> KeyedSVID?

    /// A token for an audience; nil while there is none.
    func jwtSVID(of holder: IdentityHolder, audience: JWTAudience) async -> JWTSVID?

    var bundle: TrustBundle { get }
    var jwtBundle: JWTBundle { get }

    /// Whether a token is good for an audience, now.
    func validate(_ token: String, audience: String) throws(JWTRejection) -> JWTSVID

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

/// What an identity is had by.
public enum IdentityHolder: Sendable {
    case pod(PodFacts, KeyedSVID)
    case entry(WorkloadEntry)

    var id: SPIFFEID {
        switch self {
        case .pod(_, let svid): svid.svid.id
        case .entry(let entry): entry.spiffeID
        }
    }

    var hint: String {
        switch self {
        case .pod: ""
        case .entry(let entry): entry.hint
        }
    }
}
