import CLinux
import Glibc

/// A network device.
public struct NetworkLink: Hashable, Sendable {
    public let index: UInt32
    public let name: String
    /// As `ip -d link` prints it: `veth`, `bridge`, `vxlan`; nil for physical devices and loopback.
    public let kind: String?
    /// Six bytes on Ethernet.
    public let hardwareAddress: [UInt8]
    public let mtu: UInt32
    public let isUp: Bool
    public let isLoopback: Bool
    /// The other end of a veth, in the namespace that `peerNamespace` names.
    public let peerIndex: UInt32?
    /// This namespace's number for the one where the peer lives; nil when that is the same.
    public let peerNamespace: Int32?
    /// The bridge or bond it belongs to.
    public let master: UInt32?
}

extension NetworkLink {
    /// From an `RTM_NEWLINK` or `RTM_DELLINK`.
    init?(_ reply: NetlinkReply) {
        guard let info = reply.payload.structure(at: 0, as: ifinfomsg.self) else { return nil }
        let attributes = reply.attributes(after: MemoryLayout<ifinfomsg>.size)
        index = UInt32(bitPattern: info.ifi_index)
        name = attributes.string(IFLA_IFNAME) ?? ""
        kind = attributes.nested(IFLA_LINKINFO)?.string(IFLA_INFO_KIND)
        hardwareAddress = attributes[IFLA_ADDRESS].map(Array.init) ?? []
        mtu = attributes.integer(IFLA_MTU) ?? 0
        isUp = info.ifi_flags & UInt32(IFF_UP) != 0
        isLoopback = info.ifi_flags & UInt32(IFF_LOOPBACK) != 0
        peerIndex = attributes.integer(IFLA_LINK)
        peerNamespace = attributes.integer(IFLA_LINK_NETNSID)
        master = attributes.integer(IFLA_MASTER)
    }
}

extension RouteSocket {
    /// All devices. C: `RTM_GETLINK`.
    public func links() throws(SystemError) -> [NetworkLink] {
        let request = NetlinkMessage(RTM_GETLINK, flags: NLM_F_DUMP, fixed: ifinfomsg())
        return try dump("RTM_GETLINK", request).compactMap(NetworkLink.init)
    }

    /// The device with this index, or nil.
    public func link(index: UInt32) throws(SystemError) -> NetworkLink? {
        var info = ifinfomsg()
        info.ifi_index = Int32(bitPattern: index)
        return try link(NetlinkMessage(RTM_GETLINK, flags: NLM_F_ACK, fixed: info), "ifindex \(index)")
    }

    /// The device with this name, or nil.
    public func link(name: String) throws(SystemError) -> NetworkLink? {
        var request = NetlinkMessage(RTM_GETLINK, flags: NLM_F_ACK, fixed: ifinfomsg())
        request.add(IFLA_IFNAME, string: name)
        return try link(request, name)
    }

    private func link(_ request: NetlinkMessage, _ subject: String) throws(SystemError) -> NetworkLink? {
        do {
            return try ask("RTM_GETLINK \(subject)", request).compactMap(NetworkLink.init).first
        } catch  where error.code == ENODEV {
            return nil
        }
    }

    /// The number that this socket's namespace has for another, or nil when it has none. C: `RTM_GETNSID`.
    public func number(of namespace: NetworkNamespace) throws(SystemError) -> Int32? {
        var request = NetlinkMessage(RTM_GETNSID, flags: NLM_F_ACK, fixed: rtgenmsg(rtgen_family: 0))
        request.add(NETNSA_FD, UInt32(namespace.descriptor.raw))
        return try number("RTM_GETNSID", request)
    }

    /// The same for the namespace that a process is in; `ESRCH` when there is no such process. Unlike opening its namespace it
    /// takes no power over the process.
    public func number(ofProcess processID: UInt32) throws(SystemError) -> Int32? {
        var request = NetlinkMessage(RTM_GETNSID, flags: NLM_F_ACK, fixed: rtgenmsg(rtgen_family: 0))
        request.add(NETNSA_PID, processID)
        return try number("RTM_GETNSID", request)
    }

    private func number(_ operation: String, _ request: NetlinkMessage) throws(SystemError) -> Int32? {
        let replies = try ask(operation, request)
        let number: Int32? = replies.first?.attributes(after: MemoryLayout<rtgenmsg>.size).integer(NETNSA_NSID)
        return number.flatMap { $0 >= 0 ? $0 : nil }
    }

    /// The number that this process's namespace has for itself, which it is given unless it has one. Needs CAP_NET_ADMIN. C:
    /// `RTM_NEWNSID`.
    public func ownNumber() throws(SystemError) -> Int32 {
        let own = UInt32(getpid())
        if let number = try number(ofProcess: own) { return number }
        var request = NetlinkMessage(RTM_NEWNSID, flags: NLM_F_ACK, fixed: rtgenmsg(rtgen_family: 0))
        request.add(NETNSA_PID, own)
        // Any that is free.
        request.add(NETNSA_NSID, UInt32.max)
        do {
            try ask("RTM_NEWNSID", request)
        } catch  where error.code == EEXIST {
            // Another daemon of this machine was as quick.
        }
        guard let number = try number(ofProcess: own) else {
            throw SystemError(operation: "RTM_GETNSID", code: ENOENT, detail: "this namespace has no number of its own")
        }
        return number
    }

    /// Whether somebody has a filter at the device's clsact qdisc. C: `RTM_GETTFILTER`.
    public func hasClsactFilters(_ interface: UInt32) throws(SystemError) -> Bool {
        // TC_H_CLSACT with TC_H_MIN_INGRESS and TC_H_MIN_EGRESS of <linux/pkt_sched.h>.
        for parent: UInt32 in [0xffff_fff2, 0xffff_fff3] {
            var selector = tcmsg()
            selector.tcm_ifindex = Int32(bitPattern: interface)
            selector.tcm_parent = parent
            let request = NetlinkMessage(RTM_GETTFILTER, flags: NLM_F_DUMP, fixed: selector)
            if try !dump("RTM_GETTFILTER", request).isEmpty { return true }
        }
        return false
    }
}
