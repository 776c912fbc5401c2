package import Addressing
package import Identity

/// What a peer's machine wants done. The driver performs them in order, one peer's one after another.
package enum LinkAction: Sendable {
    /// Connect to the peer and authenticate it as exactly this node; then `secured`, or `ended`.
    case dial(ConnectionID, address: IPAddress, port: UInt16, id: SPIFFEID)
    case send(ConnectionID, LinkMessage)
    /// Tell the peer why, where it can be told. Nothing more is heard of the connection.
    case close(ConnectionID, LinkFailure)

    /// Then `reserved`.
    case reserveInbound(PendingAcceptance)
    /// Install, bind, then `installedInbound`; a failure leaves nothing behind.
    case installInbound(InboundSA, binding: [IPAddress], PendingAcceptance)
    /// Install and activate, then `installedOutbound`.
    case installOutbound(OutboundSA, PendingSwitch)
    case extend(SPI, SADirection, BootNanoseconds)
    case retireInbound(SPI)
    case retireOutbound(NumericIdentity)
    /// Then `bound`.
    case bind(PendingBinding)
    /// Then `unbound`.
    case unbind(NumericIdentity, [IPAddress])
    /// Then `placed`.
    case setPeer(IPAddress, espPort: UInt16)
    case removePeer
    /// `heard`, if a packet came on this SA.
    case probe(SPI)

    case report(LinkEvent)
}
