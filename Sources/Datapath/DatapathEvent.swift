public import Addressing
import CPodshieldABI
public import Identity

/// The place of a program in the packet's way (`enum ps_hook`).
public enum DatapathHook: UInt32, Sendable, CaseIterable, Codable {
    case fromPod = 1
    case toUplink = 2
    case fromUplink = 3
    case toPod = 4

    /// Also the program's name in the object.
    public var name: String {
        switch self {
        case .fromPod: "from_pod"
        case .toUplink: "to_uplink"
        case .fromUplink: "from_uplink"
        case .toPod: "to_pod"
        }
    }
}

/// One packet that the kernel thought worth telling (`struct ps_event`). What a hook does not know is 0 or `::`.
public struct DatapathEvent: Hashable, Sendable {
    /// `CLOCK_BOOTTIME`.
    public let bootNanoseconds: UInt64
    public let outcome: PacketOutcome
    public let hook: DatapathHook
    public let interface: UInt32
    public let peer: NodeNumber
    public let sourceIdentity: NumericIdentity
    public let destinationIdentity: NumericIdentity
    public let spi: UInt32
    /// errno of a kernel helper that failed, else 0.
    public let helperError: UInt32
    public let sequence: UInt64
    /// Of the inner packet where it is known, else of the outer.
    public let source: IPAddress
    public let destination: IPAddress
    public let sourcePort: UInt16
    public let destinationPort: UInt16
    /// Bytes of the IP packet.
    public let length: UInt16
    /// The IP protocol number.
    public let transport: UInt8
}

extension DatapathEvent {
    /// Nil for a record that no program of this ABI writes.
    init?(_ record: ps_event) {
        guard let outcome = PacketOutcome(rawValue: record.reason), let hook = DatapathHook(rawValue: record.hook)
        else { return nil }
        bootNanoseconds = record.boot_ns
        self.outcome = outcome
        self.hook = hook
        interface = record.ifindex
        peer = NodeNumber(rawValue: record.peer)
        sourceIdentity = NumericIdentity(rawValue: record.src_identity)
        destinationIdentity = NumericIdentity(rawValue: record.dst_identity)
        spi = record.spi
        helperError = record.error
        sequence = record.sequence
        source = IPAddress(record.src)
        destination = IPAddress(record.dst)
        sourcePort = record.src_port
        destinationPort = record.dst_port
        length = record.length
        transport = record.protocol
    }
}
