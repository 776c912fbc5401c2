public import AuthorityAPI
public import Identity
public import JOSE

/// What the Workload API needs to know of the node that it serves.
public protocol WorkloadIdentities: Sendable {
    /// The registration entries for this node.
    func entries() async -> KnownEntries

    /// The pod that lives in a network namespace.
    ///
    /// - Parameter number: this network namespace's own number for it.
    func pod(inNamespace number: Int32) async -> KnownPod?

    /// The pod of this node that a broker names.
    func pod(_ reference: PodReference) async -> KnownPod?

    /// What this node's container runtime says of a container. May take as long as that does.
    func container(_ id: ContainerID) async -> ContainerKnowledge

    /// The valid SVID of an entry, if it is there; nobody is asked for one.
    func heldSVID(of entry: WorkloadEntry) async -> KeyedSVID?

    /// The valid SVID of an entry; nil while there is none. May take as long as the authority does.
    func svid(of entry: WorkloadEntry) async -> KeyedSVID?

    /// A token for an audience; nil while there is none.
    func jwtSVID(of holder: IdentityHolder, audience: JWTAudience) async -> JWTSVID?

    var bundle: TrustBundle { get }
    var jwtBundle: JWTBundle { get }
    /// Of other trust domains, each once.
    var foreignBundles: [BundleDocument] { get }

    /// Seconds since 1970.
    var now: @Sendable () -> Int64 { get }

    /// Tells when any of the answers may have become another.
    func watch() -> IdentityWatch
}

/// A pod of this node.
public struct KnownPod: Sendable {
    public let facts: PodFacts
    /// Its own, while that is valid.
    public let svid: KeyedSVID?
    /// Whose bundles it may have beside the own one.
    public let federatesWith: Set<TrustDomain>
    /// Another for a pod that takes the name of one that has gone.
    public let instance: String
    /// Name of the node that it is on: this one.
    public let node: String

    public init(
        facts: PodFacts, svid: KeyedSVID?, federatesWith: Set<TrustDomain> = [], instance: String = "",
        node: String = ""
    ) {
        self.facts = facts
        self.node = node
        self.instance = instance
        self.svid = svid
        self.federatesWith = federatesWith
    }
}

/// What an identity is had by.
public enum IdentityHolder: Sendable {
    case pod(PodFacts, KeyedSVID, federatesWith: Set<TrustDomain>)
    case entry(WorkloadEntry)

    var id: SPIFFEID {
        switch self {
        case .pod(_, let svid, _): svid.svid.id
        case .entry(let entry): entry.spiffeID
        }
    }

    /// Whose bundles come with it.
    var federatesWith: Set<TrustDomain> {
        switch self {
        case .pod(_, _, let trustDomains): trustDomains
        case .entry(let entry): entry.federatesWith
        }
    }

    var hint: String {
        switch self {
        case .pod: ""
        case .entry(let entry): entry.hint
        }
    }
}
