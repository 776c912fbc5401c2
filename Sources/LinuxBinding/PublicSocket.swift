import Glibc

/// A Unix socket that everybody on the machine may connect to.
public enum PublicSocket {
    /// Makes the directory for it, unless it is there, which everybody may look into, and lets everybody pass through the one
    /// that it lies in. Only their owner may write to them. C: `mkdir`, `chmod`.
    public static func prepareDirectory(_ name: String, in parent: String) throws(PrivateFileError) {
        let path = parent + "/" + name
        try PrivateDirectory.prepare(path)
        do throws(SystemError) {
            try calling("chmod", path) { unsafe chmod(path, 0o755) }
            try calling("chmod", parent) { unsafe chmod(parent, 0o711) }
        } catch {
            throw .system(error)
        }
    }

    /// Lets everybody connect, who none could before. C: `chmod`.
    public static func open(_ path: String) throws(SystemError) {
        try calling("chmod", path) { unsafe chmod(path, 0o777) }
    }
}

/// A Unix socket for its owner and its group, which is that of its directory where that says so (set-group-ID).
public enum GroupSocket {
    /// Lets them connect, who could not before. C: `chmod`.
    public static func open(_ path: String) throws(SystemError) {
        try calling("chmod", path) { unsafe chmod(path, 0o660) }
    }
}
