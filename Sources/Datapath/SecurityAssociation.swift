public import Identity

public enum SADirection: String, Sendable, Hashable, Codable {
    case inbound
    case outbound
}

/// What an SA is, all but its key.
public struct SAParameters: Hashable, Sendable {
    public var spi: UInt32
    public var peer: NodeNumber
    /// Of the workload that sends: the peer's inbound, ours outbound.
    public var identity: NumericIdentity
    /// `enum ps_suite`.
    public var suite: UInt32
    /// Boot nanoseconds; from then on its packets drop.
    public var deadline: UInt64

    public init(spi: UInt32, peer: NodeNumber, identity: NumericIdentity, suite: UInt32 = 1, deadline: UInt64) {
        self.spi = spi
        self.peer = peer
        self.identity = identity
        self.suite = suite
        self.deadline = deadline
    }
}

/// Writes a key and salt straight into the record on its way to the kernel, so that no copy outlives the call.
@safe public struct SAKeyWriter: Sendable {
    let write: @Sendable (_ key: UnsafeMutableRawBufferPointer, _ salt: UnsafeMutableRawBufferPointer) -> Void

    /// - Parameter write: called once; `key` has 32 bytes and `salt` 4, and both must be filled.
    public init(
        _ write:
            @escaping @Sendable (_ key: UnsafeMutableRawBufferPointer, _ salt: UnsafeMutableRawBufferPointer) -> Void
    ) {
        unsafe self.write = write
    }
}

/// What the packets of an SA in use add up to.
public struct SAUsage: Hashable, Sendable {
    public let parameters: SAParameters
    public let packets: UInt64
    /// Of inner packets.
    public let bytes: UInt64
}

/// An SA that an earlier run left published.
public struct AdoptedSA: Hashable, Sendable {
    public let direction: SADirection
    public let parameters: SAParameters
    /// Boot time of its last packet, in nanoseconds; 0 when there was none.
    public let lastUsed: UInt64

    public init(direction: SADirection, parameters: SAParameters, lastUsed: UInt64) {
        self.direction = direction
        self.parameters = parameters
        self.lastUsed = lastUsed
    }
}
