import CLinux

/// Work that the kernel leaves to a device, or pretends to on a virtual one.
public enum Offload: String, Sendable, CaseIterable {
    /// ethtool's `tx`.
    case transmitChecksum
    case tso
    case gso
    case gro

    /// Switches the offload of a device in the calling thread's namespace. C: `SIOCETHTOOL`.
    public func set(_ on: Bool, of interface: String) throws(SystemError) {
        try checking("ethtool \(rawValue)", interface, unsafe ps_linux_offload_set(interface, code, on ? 1 : 0))
    }

    public func isOn(_ interface: String) throws(SystemError) -> Bool {
        try checking("ethtool \(rawValue)", interface, unsafe ps_linux_offload_get(interface, code)) == 1
    }

    /// Leaves all cutting of large packets to the stack (`gso`): no device of this interface takes one whole.
    /// C: `ETHTOOL_SFEATURES`.
    public static func stopSegmentation(by interface: String) throws(SystemError) {
        try checking("ethtool segmentation off", interface, unsafe ps_linux_segmentation_off(interface))
    }

    private var code: ps_linux_offload {
        switch self {
        case .transmitChecksum: PS_LINUX_OFFLOAD_TX_CHECKSUM
        case .tso: PS_LINUX_OFFLOAD_TSO
        case .gso: PS_LINUX_OFFLOAD_GSO
        case .gro: PS_LINUX_OFFLOAD_GRO
        }
    }
}
