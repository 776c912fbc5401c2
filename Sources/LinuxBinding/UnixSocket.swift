import Glibc

/// Blocking Unix stream sockets with a time limit, for one short request and answer.
public struct UnixSocket: Sendable {
    public let descriptor: FileDescriptor

    public init(_ descriptor: FileDescriptor) { self.descriptor = descriptor }

    /// Two connected ends. C: `socketpair`.
    public static func pair() throws(SystemError) -> (UnixSocket, UnixSocket) {
        var ends: [Int32] = [-1, -1]
        try calling("socketpair") { unsafe socketpair(AF_UNIX, streamType, 0, &ends) }
        return (UnixSocket(FileDescriptor(owning: ends[0])), UnixSocket(FileDescriptor(owning: ends[1])))
    }

    /// C: `connect`. Waits for a place where too many wait to be accepted already: nobody has to ask again, as a socket
    /// that does not block would have to. A path that does not fit `sockaddr_un` fails with `ENAMETOOLONG`.
    ///
    /// - Parameter limit: of this and of all later waiting; fails with `EAGAIN`.
    public static func connect(to path: String, within limit: Duration) throws(SystemError) -> UnixSocket {
        let raw = try calling("socket") { socket(AF_UNIX, streamType, 0) }
        let connection = UnixSocket(FileDescriptor(owning: raw))
        try connection.setTimeLimit(limit)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw SystemError(operation: "connect", code: ENAMETOOLONG, subject: path)
        }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        try calling("connect", path) {
            unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                    unsafe Glibc.connect(raw, generic, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }
        return connection
    }

    /// Every later `send` and `receive` fails with `EAGAIN` when nothing moves for so long.
    public func setTimeLimit(_ limit: Duration) throws(SystemError) { try descriptor.setTimeLimit(limit) }

    /// All bytes; a peer that has gone is `EPIPE`, never a signal.
    public func send(_ bytes: [UInt8]) throws(SystemError) { try descriptor.send(bytes) }

    /// Bytes up to and without the first newline, or up to the peer's end of writing.
    ///
    /// - Parameter limit: `EMSGSIZE` beyond so many bytes.
    public func receiveLine(limit: Int) throws(SystemError) -> [UInt8] {
        var line: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while line.count <= limit {
            let count = try calling("recv") { unsafe recv(descriptor.raw, &chunk, chunk.count, 0) }
            if count == 0 { return line }
            if let newline = chunk[..<count].firstIndex(of: UInt8(ascii: "\n")) { return line + chunk[..<newline] }
            line += chunk[..<count]
        }
        throw SystemError(operation: "recv", code: EMSGSIZE)
    }

    private static var streamType: Int32 { Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue) }
}
