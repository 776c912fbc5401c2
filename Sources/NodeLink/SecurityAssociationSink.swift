public import Addressing
public import Identity
public import KeyAgreement

/// Where agreed SAs go: the kernel's tables. Calls for one peer come one after another, in order; those of different peers
/// may overlap. What throws has changed nothing.
public protocol SecurityAssociationSink: Sendable {
    /// Allots an inbound SPI that names nothing yet and never named anything before in this epoch's lifetime.
    func reserveInbound(peer: NodeNumber, identity: NumericIdentity) async throws -> SPI
    /// Writes and publishes.
    func installInbound(_ sa: InboundSA) async throws
    /// Writes a slot that no packet uses yet.
    func installOutbound(_ sa: OutboundSA) async throws
    /// Packets of `identity` to `peer` are sealed with this SA from now on; the slot used until now retires.
    func activateOutbound(spi: SPI, peer: NodeNumber, identity: NumericIdentity) async throws
    /// Moves the deadline of a published SA. Outbound SPIs are the peers' choice: only (peer, SPI) is unique.
    func extend(spi: SPI, direction: SADirection, peer: NodeNumber, deadline: BootNanoseconds) async throws
    /// Also gives back an SPI that was reserved and never installed. Unknown SPIs are no error.
    func retireInbound(spi: SPI) async throws
    /// From now on packets of `identity` to `peer` drop. Without such an SA there is nothing to do.
    func retireOutbound(peer: NodeNumber, identity: NumericIdentity) async throws
    /// Adds addresses that the peer may send from, and that packets may be sent to, as `identity`.
    func bind(peer: NodeNumber, identity: NumericIdentity, addresses: [IPAddress]) async throws
    func unbind(peer: NodeNumber, identity: NumericIdentity, addresses: [IPAddress]) async throws
    func setPeer(_ node: NodeNumber, address: IPAddress, espPort: UInt16) async throws
    func removePeer(_ node: NodeNumber) async throws
    /// Whether a packet that holds was received on this SA.
    func hasReceived(spi: SPI) async -> Bool
    /// What an earlier run published and is still there.
    func adopted() async -> [AdoptedSA]
}
