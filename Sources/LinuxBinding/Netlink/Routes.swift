public import Addressing
import CLinux
import Glibc

/// A unicast route. Attributes that this type does not show are kept when it is written back.
public struct NetworkRoute: Hashable, Sendable {
    public var destination: IPPrefix
    public let gateway: IPAddress?
    /// Nil for routes with several next hops.
    public let interface: UInt32?
    public let table: UInt32
    public let priority: UInt32?
    /// Largest packet on this route in bytes; nil: the device's. TCP derives the segment size it announces from it.
    public var mtu: UInt32?

    fileprivate let header: Header
    fileprivate let attributes: [UInt16: [UInt8]]

    fileprivate struct Header: Hashable, Sendable {
        let tos, originator, scope: UInt8
        let flags: UInt32
    }
}

extension NetworkRoute {
    /// From an `RTM_NEWROUTE`; nil for what is not unicast.
    init?(_ reply: NetlinkReply) {
        guard let info = reply.payload.structure(at: 0, as: rtmsg.self), info.rtm_type == UInt8(RTN_UNICAST)
        else { return nil }
        let attributes = reply.attributes(after: MemoryLayout<rtmsg>.size)
        let bytes = attributes[RTA_DST.rawValue] ?? Self.unspecified(info.rtm_family)
        guard let address = IPAddress(bytes: bytes),
            let destination = IPPrefix(address, length: Int(info.rtm_dst_len))
        else { return nil }
        self.destination = destination
        gateway = attributes[RTA_GATEWAY.rawValue].flatMap { IPAddress(bytes: $0) }
        interface = attributes.integer(RTA_OIF.rawValue)
        table = attributes.integer(RTA_TABLE.rawValue) ?? UInt32(info.rtm_table)
        priority = attributes.integer(RTA_PRIORITY.rawValue)
        mtu = attributes.nested(RTA_METRICS.rawValue)?.integer(RTAX_MTU)
        // Of the flags only this one is the route's own; the rest is its present state.
        header = Header(
            tos: info.rtm_tos, originator: info.rtm_protocol, scope: info.rtm_scope,
            flags: info.rtm_flags & UInt32(RTNH_F_ONLINK))
        self.attributes = attributes.values.mapValues(Array.init)
    }

    private static func unspecified(_ family: UInt8) -> ArraySlice<UInt8> {
        Array(repeating: 0, count: Int32(family) == AF_INET ? 4 : 16)[...]
    }

    /// What of a dumped route is configuration. `RTA_METRICS` is written anew.
    private static let configuration: [UInt32] = [
        RTA_GATEWAY, RTA_VIA, RTA_OIF, RTA_PRIORITY, RTA_PREFSRC, RTA_TABLE, RTA_MULTIPATH, RTA_ENCAP_TYPE, RTA_ENCAP,
        RTA_PREF,
    ].map(\.rawValue)

    fileprivate var replacement: NetlinkMessage {
        var info = rtmsg()
        info.rtm_family = UInt8(destination.address.isIPv4 ? AF_INET : AF_INET6)
        info.rtm_dst_len = UInt8(destination.length)
        info.rtm_tos = header.tos
        info.rtm_protocol = header.originator
        info.rtm_scope = header.scope
        info.rtm_type = UInt8(RTN_UNICAST)
        info.rtm_flags = header.flags
        let flags = NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK
        var message = NetlinkMessage(RTM_NEWROUTE, flags: flags, fixed: info)
        if destination.length > 0 { message.add(RTA_DST.rawValue, destination.address.packed) }
        for type in Self.configuration {
            if let value = attributes[UInt16(type)] { message.add(type, value) }
        }
        if let metrics { message.add(RTA_METRICS.rawValue, metrics) }
        return message
    }

    /// The route's metrics with the present `mtu`.
    private var metrics: [UInt8]? {
        let present = NetlinkAttributes((attributes[UInt16(RTA_METRICS.rawValue)] ?? [])[...]).values
        var values = present.mapValues(Array.init)
        values[UInt16(RTAX_MTU)] = mtu?.nativeBytes
        guard !values.isEmpty else { return nil }
        return values.sorted { $0.key < $1.key }.flatMap { Self.attribute($0.key, $0.value) }
    }

    private static func attribute(_ type: UInt16, _ value: [UInt8]) -> [UInt8] {
        let header = UInt16(4 + value.count).nativeBytes + type.nativeBytes
        return header + value + Array(repeating: 0, count: (4 - value.count % 4) % 4)
    }
}

extension RouteSocket {
    /// Unicast routes of the main table, both families. C: `RTM_GETROUTE`.
    public func routes() throws(SystemError) -> [NetworkRoute] {
        var routes: [NetworkRoute] = []
        for family in [AF_INET, AF_INET6] {
            var info = rtmsg()
            info.rtm_family = UInt8(family)
            let request = NetlinkMessage(RTM_GETROUTE, flags: NLM_F_DUMP, fixed: info)
            routes += try dump("RTM_GETROUTE", request).compactMap(NetworkRoute.init)
        }
        return routes.filter { $0.table == UInt32(RT_TABLE_MAIN.rawValue) }
    }

    /// Puts the route in place of the one with the same destination and priority, or adds it. C: `RTM_NEWROUTE`.
    public func replace(_ route: NetworkRoute) throws(SystemError) {
        try ask("RTM_NEWROUTE \(route.destination)", route.replacement)
    }

    /// What the kernel would do with a packet to `destination` now; nil when it has no route. C: `RTM_GETROUTE`.
    public func route(to destination: IPAddress) throws(SystemError) -> ResolvedRoute? {
        var info = rtmsg()
        info.rtm_family = UInt8(destination.isIPv4 ? AF_INET : AF_INET6)
        info.rtm_dst_len = destination.isIPv4 ? 32 : 128
        var request = NetlinkMessage(RTM_GETROUTE, flags: NLM_F_ACK, fixed: info)
        request.add(RTA_DST.rawValue, destination.packed)
        do {
            return try ask("RTM_GETROUTE \(destination)", request).compactMap(ResolvedRoute.init).first
        } catch  where error.code == ENETUNREACH || error.code == EHOSTUNREACH {
            return nil
        }
    }
}

/// The answer to a look-up.
public struct ResolvedRoute: Hashable, Sendable {
    public let interface: UInt32
    /// Source that the kernel would choose.
    public let source: IPAddress?
    /// In bytes, where the route has one of its own; nil: the device's.
    public let mtu: UInt32?
}

extension ResolvedRoute {
    init?(_ reply: NetlinkReply) {
        let attributes = reply.attributes(after: MemoryLayout<rtmsg>.size)
        guard let interface: UInt32 = attributes.integer(RTA_OIF.rawValue) else { return nil }
        self.interface = interface
        source = attributes[RTA_PREFSRC.rawValue].flatMap { IPAddress(bytes: $0) }
        mtu = attributes.nested(RTA_METRICS.rawValue)?.integer(RTAX_MTU)
    }
}
