import Glibc

/// A blocking TCP connection, for one request and answer at a time.
public struct TCPSocket: Sendable {
    private let descriptor: FileDescriptor

    /// Tries the addresses of `host`, a name or an address, one after another. C: `getaddrinfo`, `connect`.
    ///
    /// - Parameter limit: of all tries together, and until `setTimeLimit` of all waiting; looking a name up has the resolver's own.
    public static func connect(to host: String, port: UInt16, within limit: Duration) throws(SystemError) -> TCPSocket {
        let deadline = ContinuousClock.now + limit
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        unsafe hints.ai_flags = AI_NUMERICSERV
        var first: UnsafeMutablePointer<addrinfo>?
        let result = unsafe getaddrinfo(host, "\(port)", &hints, &first)
        guard result == 0 else {
            let reason = unsafe gai_strerror(result).map { unsafe String(cString: $0) }
            throw SystemError(operation: "getaddrinfo", code: EHOSTUNREACH, subject: host, detail: reason)
        }
        defer { unsafe freeaddrinfo(first) }
        var failure = SystemError(operation: "connect", code: EHOSTUNREACH, subject: host)
        var next = unsafe first
        while let candidate = unsafe next {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { throw SystemError(operation: "connect", code: ETIMEDOUT, subject: host) }
            do throws(SystemError) {
                return try unsafe connect(to: candidate.pointee, host, within: left)
            } catch {
                failure = error
            }
            unsafe next = candidate.pointee.ai_next
        }
        throw failure
    }

    private static func connect(
        to candidate: addrinfo, _ host: String, within limit: Duration
    ) throws(SystemError) -> TCPSocket {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        let raw = try calling("socket") { unsafe socket(candidate.ai_family, type, 0) }
        let descriptor = FileDescriptor(owning: raw)
        try descriptor.setTimeLimit(max(limit, .milliseconds(1)))
        try calling("connect", host) { unsafe Glibc.connect(raw, candidate.ai_addr, candidate.ai_addrlen) }
        var on: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        try calling("setsockopt") { unsafe setsockopt(raw, Int32(IPPROTO_TCP), TCP_NODELAY, &on, size) }
        return TCPSocket(descriptor: descriptor)
    }

    /// Every later call fails with `EAGAIN` when nothing moves for so long.
    public func setTimeLimit(_ limit: Duration) throws(SystemError) { try descriptor.setTimeLimit(limit) }

    /// All bytes; a peer that has gone is `EPIPE`, never a signal.
    public func send(_ bytes: [UInt8]) throws(SystemError) { try descriptor.send(bytes) }

    /// What there is, at most 16 KiB, waiting for the first byte; empty when the peer has ended.
    public func receive() throws(SystemError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 16384)
        let count = try calling("recv") { unsafe recv(descriptor.raw, &bytes, bytes.count, 0) }
        return Array(bytes.prefix(count))
    }
}

extension SystemError {
    /// Whether a socket's time limit is what ended the call.
    public var isTimeLimit: Bool { [EAGAIN, EINPROGRESS, ETIMEDOUT].contains(code) }
}
