public import Identity
public import KeyAgreement

/// What happens on the node link, for the journal. Nothing in it is secret.
public enum NodeLinkEvent: Sendable {
    /// A peer's events.
    case peer(NodeNumber, SPIFFEID, LinkEvent)
    /// A connection that came to nothing; the peer's name where it is known.
    case connectionFailed(source: String, SPIFFEID?, reason: String)
    /// Connections of this source are closed unheard; said once until it is below its limit again.
    case flood(source: String)
    /// The kernel side refused something.
    case sinkFailed(NodeNumber, operation: String, reason: String)
}
