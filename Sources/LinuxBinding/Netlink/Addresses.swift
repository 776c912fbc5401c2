public import Addressing
import CLinux
import Glibc

/// An address of a device.
public struct InterfaceAddress: Hashable, Sendable {
    public let interface: UInt32
    public let address: IPAddress
    /// Bits of the address's own family.
    public let prefixLength: Int
    /// Neither link-local nor host-local.
    public let isGlobal: Bool
    /// IPv6 only: duplicate address detection has found another owner.
    public let isDuplicate: Bool
}

extension InterfaceAddress {
    init?(_ reply: NetlinkReply) {
        guard let info = reply.payload.structure(at: 0, as: ifaddrmsg.self) else { return nil }
        let attributes = reply.attributes(after: MemoryLayout<ifaddrmsg>.size)
        // IFA_ADDRESS is the far end on point-to-point devices, IFA_LOCAL ours; IPv6 often has only the former.
        guard let bytes = attributes[IFA_LOCAL] ?? attributes[IFA_ADDRESS],
            let address = IPAddress(bytes: bytes)
        else { return nil }
        interface = info.ifa_index
        self.address = address
        prefixLength = Int(info.ifa_prefixlen)
        isGlobal = UInt32(info.ifa_scope) == RT_SCOPE_UNIVERSE.rawValue
        let flags: UInt32 = attributes.integer(IFA_FLAGS) ?? UInt32(info.ifa_flags)
        isDuplicate = flags & UInt32(IFA_F_DADFAILED) != 0
    }
}

extension RouteSocket {
    /// Addresses of every device, or of one, both families. C: `RTM_GETADDR`.
    public func addresses(of interface: UInt32? = nil) throws(SystemError) -> [InterfaceAddress] {
        let request = NetlinkMessage(RTM_GETADDR, flags: NLM_F_DUMP, fixed: ifaddrmsg())
        let addresses = try dump("RTM_GETADDR", request).compactMap(InterfaceAddress.init)
        return addresses.filter { interface == nil || $0.interface == interface }
    }
}
