import Glibc

/// What stream sockets of every family have in common.
extension FileDescriptor {
    /// Every later connecting, sending and receiving fails with `EAGAIN` or `EINPROGRESS` when nothing moves for so long.
    func setTimeLimit(_ limit: Duration) throws(SystemError) {
        let (seconds, attoseconds) = limit.components
        var value = timeval(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
        let size = socklen_t(MemoryLayout<timeval>.size)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            try calling("setsockopt") { unsafe setsockopt(raw, SOL_SOCKET, option, &value, size) }
        }
    }

    /// All bytes; a peer that has gone is `EPIPE`, never a signal.
    func send(_ bytes: [UInt8]) throws(SystemError) {
        var sent = 0
        while sent < bytes.count {
            sent += try calling("send") {
                unsafe bytes.withUnsafeBytes { buffer in
                    unsafe Glibc.send(raw, buffer.baseAddress! + sent, buffer.count - sent, Int32(MSG_NOSIGNAL))
                }
            }
        }
    }
}
