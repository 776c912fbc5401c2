public import Addressing
public import Identity

/// An address that a workload of this node had, and that some peer may still take for its.
public struct FormerHolding: Sendable, Hashable {
    public let address: IPAddress
    public let identity: NumericIdentity

    public init(address: IPAddress, identity: NumericIdentity) {
        self.address = address
        self.identity = identity
    }
}
