import CLinux
import Glibc

/// An open network namespace.
public struct NetworkNamespace: Sendable {
    public let descriptor: FileDescriptor

    /// Opens the namespace at `path`, following a symbolic link only where `/proc` keeps namespaces as such. Fails with
    /// `EINVAL` when the file is no network namespace.
    public init(path: String) throws(SystemError) {
        let follow = path.hasPrefix("/proc/") ? 0 : O_NOFOLLOW
        descriptor = try FileDescriptor(opening: path, O_RDONLY | O_NONBLOCK | follow)
        let isNamespace = try checking("fstatfs", path, ps_linux_is_network_namespace(descriptor.raw)) == 1
        guard isNamespace else {
            throw SystemError(
                operation: "open", code: EINVAL, subject: path, detail: "is not a network namespace")
        }
    }

    /// The one of the calling process.
    public static func current() throws(SystemError) -> NetworkNamespace {
        try NetworkNamespace(path: "/proc/self/ns/net")
    }

    /// The one in which the other end of an accepted Unix socket was made, whoever holds it now. Needs CAP_NET_ADMIN. C:
    /// `ioctl(SIOCGSKNS)`.
    public init(ofPeerOf socket: Int32) throws(SystemError) {
        descriptor = FileDescriptor(owning: try checking("SIOCGSKNS", nil, ps_linux_socket_namespace(socket)))
    }

    /// Inode number: equal for two descriptors exactly when they are the same namespace.
    public func inode() throws(SystemError) -> UInt64 {
        var status = stat()
        try calling("fstat") { unsafe fstat(descriptor.raw, &status) }
        return UInt64(status.st_ino)
    }

    /// Moves the *calling thread* there for good: for processes that do nothing else. Needs CAP_SYS_ADMIN. C: `setns`.
    public func enter() throws(SystemError) {
        try checking("setns", nil, ps_linux_enter_network_namespace(descriptor.raw))
    }

    /// Runs `body` on a thread of its own inside the namespace; the calling thread stays where it is.
    public func run<Value: Sendable>(
        _ body: @escaping @Sendable () throws -> Value
    ) throws -> Value {
        try Self.onNewThread {
            try enter()
            return try body()
        }
    }
}
