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
    /// Of what it was only name and number are still known.
    let isEvicted: Bool
}
