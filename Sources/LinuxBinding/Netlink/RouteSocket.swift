import CLinux
import Glibc
import Synchronization

/// A socket of rtnetlink(7), in the network namespace that its opener's thread was in. One request at a time.
public final class RouteSocket: Sendable {
    let descriptor: FileDescriptor
    private let sequence = Mutex<UInt32>(0)

    public convenience init() throws(SystemError) { try self.init(groups: 0) }

    /// - Parameter groups: a mask of `RTMGRP_…` to be told about.
    init(groups: UInt32) throws(SystemError) {
        let type = Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue)
        let raw = try calling("socket AF_NETLINK") { socket(AF_NETLINK, type, NETLINK_ROUTE) }
        descriptor = FileDescriptor(owning: raw)
        try Self.bind(raw, groups)
        // Errors explained in words, and filters in dump requests obeyed or refused; older kernels do without.
        for option in [NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK] {
            var on: Int32 = 1
            _ = unsafe setsockopt(raw, Self.solNetlink, Int32(option), &on, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    private static let solNetlink: Int32 = 270

    private static func bind(_ raw: Int32, _ groups: UInt32) throws(SystemError) {
        var address = sockaddr_nl(nl_family: sa_family_t(AF_NETLINK), nl_pad: 0, nl_pid: 0, nl_groups: groups)
        try calling("bind AF_NETLINK") {
            unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                    unsafe Glibc.bind(raw, generic, socklen_t(MemoryLayout<sockaddr_nl>.size))
                }
            }
        }
    }

    /// Sends a request and waits for its acknowledgement; returns what came before that.
    @discardableResult
    func ask(_ operation: String, _ message: NetlinkMessage) throws(SystemError) -> [NetlinkReply] {
        try sequence.withLock { (last) throws(SystemError) in
            last &+= 1
            try send(operation, message.sealed(sequence: last))
            return try replies(operation, to: last)
        }
    }

    private func send(_ operation: String, _ bytes: [UInt8]) throws(SystemError) {
        try calling(operation) { unsafe Glibc.send(descriptor.raw, bytes, bytes.count, 0) }
    }

    private func replies(_ operation: String, to sequence: UInt32) throws(SystemError) -> [NetlinkReply] {
        var collected: [NetlinkReply] = []
        while true {
            for reply in NetlinkReply.all(in: try receive(operation)) where reply.sequence == sequence {
                // The table changed under the dump: what came is no consistent picture.
                if reply.flags & UInt16(NLM_F_DUMP_INTR) != 0 {
                    throw SystemError(operation: operation, code: EAGAIN, detail: "the table changed meanwhile")
                }
                switch Int32(reply.type) {
                case NLMSG_DONE: return collected
                case NLMSG_ERROR:
                    try Self.check(operation, reply)
                    return collected
                default: collected.append(reply)
                }
            }
        }
    }

    /// The kernel's next datagram; nothing for one of somebody else's, whom CAP_NET_ADMIN in this namespace lets write to
    /// any socket in it.
    func receive(_ operation: String) throws(SystemError) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 65536)
        var sender = sockaddr_nl()
        var size = socklen_t(MemoryLayout<sockaddr_nl>.size)
        let count = try calling(operation) {
            unsafe withUnsafeMutablePointer(to: &sender) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                    unsafe recvfrom(descriptor.raw, &buffer, buffer.count, 0, generic, &size)
                }
            }
        }
        return sender.nl_pid == 0 ? Array(buffer[..<count]) : []
    }

    /// `nlmsgerr`: a negated errno, the request's header, and with NETLINK_EXT_ACK attributes.
    private static func check(_ operation: String, _ reply: NetlinkReply) throws(SystemError) {
        guard let code = reply.payload.structure(at: 0, as: Int32.self), code != 0 else { return }
        let capped = reply.flags & UInt16(NLM_F_CAPPED) != 0
        let echoed = capped ? 16 : Int(reply.payload.structure(at: 4, as: UInt32.self) ?? 16)
        let text = reply.attributes(after: 4 + echoed).string(NLMSGERR_ATTR_MSG.rawValue)
        throw SystemError(operation: operation, code: -code, detail: text)
    }

    /// A dump, begun anew when the kernel says that the table changed meanwhile.
    func dump(_ operation: String, _ message: NetlinkMessage) throws(SystemError) -> [NetlinkReply] {
        for _ in 0..<8 {
            do { return try ask(operation, message) } catch  where error.code == EAGAIN { try drain() }
        }
        throw SystemError(operation: operation, code: EAGAIN, detail: "the table never rests")
    }

    /// Throws away what is left of an interrupted dump.
    private func drain() throws(SystemError) {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while unsafe recv(descriptor.raw, &buffer, buffer.count, Int32(MSG_DONTWAIT)) > 0 {}
    }
}
