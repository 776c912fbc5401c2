public import Addressing
public import Identity

/// What happens between this node and one peer, for the journal.
public enum LinkEvent: Sendable, Equatable {
    /// A connection's epoch is confirmed: its keys may be used.
    case epochConfirmed(EpochID, EpochSummary)
    /// The last connection has gone; SAs stay.
    case linkLost(LinkFailure)
    case dialFailed(LinkFailure)
    /// A connection beside others, or one that was not confirmed yet, has gone.
    case connectionEnded(LinkFailure)

    /// The peer has proved that it hosts this workload.
    case accepted(NumericIdentity, SPIFFEID, SPI, addresses: [IPAddress])
    /// We did not believe the peer. The identity is what its certificate says, where that is good.
    case refused(NumericIdentity?, RefusalReason, addresses: [IPAddress], detail: String)
    /// The peer no longer hosts it, or no longer proves it.
    case withdrawn(NumericIdentity, WithdrawalCause)
    case renewed(NumericIdentity, notAfter: Int64)

    /// Packets of our workload to this peer are sealed with this SA from now on.
    case switched(NumericIdentity, SPI)
    /// This SA of our workload has carried as much as one should: a new epoch is due.
    case worn(NumericIdentity, SPI)
    /// The peer did not believe us.
    case refusedByPeer(NumericIdentity, RefusalReason, addresses: [IPAddress])
    case outboundRetired(NumericIdentity, WithdrawalCause)
}

public enum WithdrawalCause: Sendable, Equatable {
    /// Its host said so.
    case withdrawn
    /// Not announced again on a newer connection.
    case notAnnounced
    case expired
    /// What was proved does not hold any more.
    case notTrusted(SVIDRejection)
    /// The directory gives the number to another SPIFFE ID.
    case identityMismatch
    /// The peer has left the directory.
    case peerRemoved
    /// The peer's machine has booted anew.
    case peerRebooted
    /// What an earlier run of this node left, which nothing vouches for any more.
    case unvouched
}

/// What two nodes agreed on for one epoch.
public struct EpochSummary: Sendable, Equatable {
    public let role: LinkRole
    /// Of the wire.
    public let version: UInt8
    public let suite: Suite
    public let postQuantum: PostQuantumMode
    /// The key exchange group of the TLS connection.
    public let tlsGroup: String
    /// Beside an established connection, or the first.
    public let isRekey: Bool
}

extension WithdrawalCause: CustomStringConvertible {
    public var description: String {
        switch self {
        case .withdrawn: "withdrawn"
        case .notAnnounced: "not announced again"
        case .expired: "expired"
        case .notTrusted(let rejection): "no longer trusted: \(rejection)"
        case .identityMismatch: "its number stands for another SPIFFE ID"
        case .peerRemoved: "its node has left the directory"
        case .peerRebooted: "its node has booted anew"
        case .unvouched: "nothing vouches for it since a root was removed"
        }
    }
}
