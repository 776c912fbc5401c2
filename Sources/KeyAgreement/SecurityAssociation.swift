public import Addressing
public import Identity
public import OpenSSLBinding

/// Nanoseconds of `CLOCK_BOOTTIME`, as the kernel programs compare deadlines.
public typealias BootNanoseconds = UInt64

/// The 32 bits that name an SA at its receiver (RFC 4303 section 2.1); allotted by the receiver, 256 and up.
public struct SPI: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// 0 is "none", 1 to 255 are reserved by IANA (RFC 4303 section 2.1).
    public static let lowest = SPI(rawValue: 256)
    public var isUsable: Bool { rawValue >= Self.lowest.rawValue }
}

extension SPI: CustomStringConvertible {
    /// Eight hexadecimal digits, as tools of the field print it.
    public var description: String {
        let digits = String(rawValue, radix: 16)
        return "0x" + String(repeating: "0", count: 8 - digits.count) + digits
    }
}

public enum SADirection: Sendable, Hashable {
    case inbound
    case outbound
}

/// An SA by which this node opens what `peer` sends for its workload `identity`.
public struct InboundSA: Sendable {
    public let spi: SPI
    public let peer: NodeNumber
    public let identity: NumericIdentity
    public let suite: Suite
    /// 32 bytes.
    public let key: SecretBytes
    /// 4 bytes: the fixed part of the nonce (RFC 7634 section 2).
    public let salt: SecretBytes
    public let deadline: BootNanoseconds
}

/// An SA by which this node seals what its workload `identity` sends to pods of `peer`.
public struct OutboundSA: Sendable {
    public let spi: SPI
    public let peer: NodeNumber
    public let identity: NumericIdentity
    public let suite: Suite
    /// 32 bytes.
    public let key: SecretBytes
    /// 4 bytes: the fixed part of the nonce (RFC 7634 section 2).
    public let salt: SecretBytes
    public let deadline: BootNanoseconds
}

/// An SA that an earlier run of the daemon published and that still works. Its key is in the kernel only.
public struct AdoptedSA: Sendable, Equatable {
    public let spi: SPI
    public let direction: SADirection
    public let peer: NodeNumber
    public let identity: NumericIdentity
    public let deadline: BootNanoseconds
    /// Inbound: the addresses bound to (peer, identity). They stay bound until the peer announces anew or the SA ends.
    public let addresses: [IPAddress]
    /// Inbound: when a packet that held came on it last; nil when none did.
    public let lastUsed: BootNanoseconds?

    public init(
        spi: SPI, direction: SADirection, peer: NodeNumber, identity: NumericIdentity, deadline: BootNanoseconds,
        addresses: [IPAddress] = [], lastUsed: BootNanoseconds? = nil
    ) {
        self.spi = spi
        self.direction = direction
        self.peer = peer
        self.identity = identity
        self.deadline = deadline
        self.addresses = addresses
        self.lastUsed = lastUsed
    }
}
