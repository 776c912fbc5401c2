import CLinux
import Dispatch
import Glibc

/// A socket of netlink(7), in the network namespace that its opener's thread was in.
final class NetlinkSocket: Sendable {
    let descriptor: FileDescriptor

    /// - Parameters:
    ///   - family: `NETLINK_…`.
    ///   - groups: a mask of the family's groups to be told about.
    init(_ family: Int32, groups: UInt32 = 0) throws(SystemError) {
        let type = Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue)
        let raw = try calling("socket AF_NETLINK") { socket(AF_NETLINK, type, family) }
        descriptor = FileDescriptor(owning: raw)
        try Self.bind(raw, groups)
    }

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

    /// Calls whenever there is something to receive, on a queue of its own, until what is returned is called.
    ///
    /// - Parameter name: of the queue.
    func watch(_ name: String, _ handle: @escaping @Sendable () -> Void) -> @Sendable () -> Void {
        let source = DispatchSource.makeReadSource(
            fileDescriptor: descriptor.raw, queue: DispatchQueue(label: "podshield.\(name)"))
        source.setEventHandler { handle() }
        // The descriptor must outlive its source.
        source.setCancelHandler { withExtendedLifetime(self) {} }
        nonisolated(unsafe) let cancellation = source
        source.activate()
        return { unsafe cancellation.cancel() }
    }
}
