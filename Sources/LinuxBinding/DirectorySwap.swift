import CLinux
import Glibc

/// One directory in the place of another.
public enum DirectorySwap {
    /// Each gets the other's name, without a moment at which one of them has none. Both are of one file system. C: `renameat2`.
    public static func exchange(_ path: String, with other: String) throws(SystemError) {
        try checking("renameat2", other, unsafe ps_linux_exchange(path, other))
    }

    /// `other` may be an empty directory. C: `rename`.
    public static func rename(_ path: String, to other: String) throws(SystemError) {
        try calling("rename", other) { unsafe Glibc.rename(path, other) }
    }

    /// What has been renamed in the directory of `path` is so after a crash as well. C: `fsync`.
    public static func syncParent(of path: String) throws(SystemError) { try AtomicFile.syncDirectory(of: path) }
}
