import Addressing
import LinuxBinding

/// The largest packet that a pod may send to other nodes.
enum PodMTU {
    /// What sealing adds at most: outer IP 20 or 40, UDP 8, ESP header 8, IV 8, trailer 2 with up to 3 of padding, tag 16
    /// (RFC 4303, RFC 3948, RFC 7634).
    static func overhead(over node: IPAddress) -> UInt32 { node.isIPv4 ? 65 : 85 }

    /// For a node that sends from `address`: the MTU of the device that has the address, or else the smallest of all
    /// devices that could be used.
    static func find(from address: IPAddress) throws(SystemError) -> UInt16 {
        let netlink = try RouteSocket()
        let own = try netlink.addresses().first { $0.address == address }?.interface
        let candidates = try netlink.links().filter { link in own.map { $0 == link.index } ?? !link.isLoopback }
        let outer = candidates.map(\.mtu).filter { $0 > 0 }.min() ?? 1500
        return UInt16(clamping: max(Int(outer) - Int(overhead(over: address)), Int(smallest)))
    }

    /// What every IPv4 host takes (RFC 791); the namespace helper takes no less.
    private static let smallest: UInt16 = 576
}
