import CLinux
import Glibc
import Synchronization

/// A socket of rtnetlink(7), in the network namespace that its opener's thread was in. One request at a time.
public final class RouteSocket: Sendable {
    let socket: NetlinkSocket
    private let sequence = Mutex<UInt32>(0)

    public init() throws(SystemError) {
        socket = try NetlinkSocket(NETLINK_ROUTE)
        // Errors explained in words, and filters in dump requests obeyed or refused; older kernels do without.
        for option in [NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK] {
            var on: Int32 = 1
            _ = unsafe setsockopt(
                socket.descriptor.raw, Self.solNetlink, Int32(option), &on, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    private static let solNetlink: Int32 = 270

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
        try calling(operation) { unsafe Glibc.send(socket.descriptor.raw, bytes, bytes.count, 0) }
    }

    private func replies(_ operation: String, to sequence: UInt32) throws(SystemError) -> [NetlinkReply] {
        var collected: [NetlinkReply] = []
        while true {
            for reply in NetlinkReply.all(in: try socket.receive(operation)) where reply.sequence == sequence {
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
        while unsafe recv(socket.descriptor.raw, &buffer, buffer.count, Int32(MSG_DONTWAIT)) > 0 {}
    }
}
