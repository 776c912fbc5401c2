internal import Glibc

/// Tells a file's contents from others that it had before, without reading them.
public struct FileStamp: Sendable, Equatable {
    private let device: UInt64
    private let inode: UInt64
    private let size: Int64
    /// Nanoseconds of the last change of contents, and of anything.
    private let times: [Int64]

    /// C: `stat`.
    public init(of path: String) throws(SystemError) {
        var status = stat()
        try calling("stat", path) { unsafe stat(path, &status) }
        (device, inode, size) = (UInt64(status.st_dev), UInt64(status.st_ino), Int64(status.st_size))
        times = [status.st_mtim, status.st_ctim].map { Int64($0.tv_sec) * 1_000_000_000 + Int64($0.tv_nsec) }
    }
}
