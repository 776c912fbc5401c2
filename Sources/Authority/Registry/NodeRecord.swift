public import AuthorityAPI
public import Identity

/// A node that joined.
public struct NodeRecord: Sendable, Equatable {
    public let number: NodeNumber
    public let name: String
    public let id: SPIFFEID
    public let endpoint: NodeEndpoint
    /// Seconds since 1970, of the last time it joined. Older SVIDs of this name count for nothing.
    public let joinedAt: Int64
    /// Of its newest SVID, lower-case hexadecimal.
    public let serial: String
    public let isBanned: Bool
    public let attestation: NodeAttestation
    /// It is no member; the name may be banned all the same.
    let isEvicted: Bool
    let membership: NodeMembershipNumber

    /// Of one that was evicted nothing counts any more but a ban.
    var isKnown: Bool { !isEvicted || isBanned }

    /// Whom what is issued to it now is issued to.
    var member: Member { Member(node: number, membership: membership) }
}

/// How often a node had joined before, under its name. What is of an earlier one is not the node's any more: it may have been
/// another machine.
struct NodeMembershipNumber: RawRepresentable, Sendable, Equatable {
    let rawValue: Int64
}

/// A node as who it joined as last.
struct Member: Sendable, Equatable {
    let node: NodeNumber
    let membership: NodeMembershipNumber
}
