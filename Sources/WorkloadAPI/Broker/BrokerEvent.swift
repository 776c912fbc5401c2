public import Identity

/// What there is to tell of brokers.
public enum BrokerEvent: Sendable, Equatable {
    /// A connection was refused.
    ///
    /// - Parameter peer: an address, or `the socket`.
    case refused(peer: String, reason: String)
    /// Connections of one source come faster than they are heard.
    case flood(source: String)
    /// A broker may not refer to a workload in this way.
    case denied(SPIFFEID, reason: String)
    /// A connection was ended since the SVID behind it is not valid any more.
    case ended(SPIFFEID, reason: String)
    /// A broker is given what is a workload's, for the first time in this call or as others than before.
    ///
    /// - Parameter identities: whose SVIDs, keys or tokens; none where it is given bundles.
    case served(SPIFFEID, workload: String, identities: [SPIFFEID], call: String)
}
