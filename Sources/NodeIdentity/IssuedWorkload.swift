public import AuthorityAPI
public import Identity

/// A pod's identity, as it was issued: the key was made here and never left.
public struct IssuedWorkload: Sendable {
    public let pod: PodFacts
    public let svid: KeyedSVID
    /// The number that the certificate carries.
    public let identity: NumericIdentity
    /// Policy labels of that number.
    public let labels: [String: String]
    /// Whose bundles it may have beside the own one.
    public let federatesWith: Set<TrustDomain>
}

/// Which pod of a node.
public struct PodName: Hashable, Sendable {
    public let namespace: String
    public let name: String

    public init(namespace: String, name: String) {
        self.namespace = namespace
        self.name = name
    }
}

extension PodName: CustomStringConvertible {
    public var description: String { "\(namespace)/\(name)" }
}

extension PodFacts {
    public var podName: PodName { PodName(namespace: namespace, name: name) }
}

/// What a node knows about itself and its authority.
public struct NodeIdentityStatus: Sendable {
    /// Nil before the node has joined.
    public let membership: NodeMembership?
    /// The node's own SVID; nil when there is none that is valid.
    public let svid: X509SVID?
    public let isConnected: Bool
    /// Why not, if not.
    public let lastFailure: String?
    /// Why the node's SVID was not renewed when that was last tried; nil when it was.
    public let renewalFailure: AuthorityCallError?
    /// Seconds since 1970 of the last answer; nil for none since the start.
    public let lastContact: Int64?
    /// Why the authority does not count this node among its own; nil while it does as far as is known.
    public let exclusion: Exclusion?
    /// Nil before the authority has issued something.
    public let clockSkew: ClockSkew?
    public let directoryRevision: UInt64?
    public let workloads: Int
}

/// What the node got when it joined.
public struct NodeMembership: Sendable, Equatable, Codable {
    public let name: String
    public let number: UInt32
    /// `host:port`
    public let authorityAddress: String
}
