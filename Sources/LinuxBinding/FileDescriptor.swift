import CLinux
public import Glibc

/// Owns one file descriptor; closes it when the last reference goes.
public final class FileDescriptor: Sendable {
    public let raw: Int32

    public init(owning raw: Int32) { self.raw = raw }

    deinit { close(raw) }

    /// One more of the same open file, for somebody who closes it. C: `fcntl` with `F_DUPFD_CLOEXEC`.
    public func duplicate() throws(SystemError) -> Int32 {
        try calling("fcntl") { fcntl(raw, F_DUPFD_CLOEXEC, 3) }
    }

    /// Opens with `O_CLOEXEC`. C: `open`.
    public convenience init(
        opening path: String, _ flags: Int32 = O_RDONLY, mode: UInt32 = 0
    ) throws(SystemError) {
        self.init(owning: try calling("open", path) { unsafe ps_linux_open(path, flags | O_CLOEXEC, mode) })
    }
}
