import Glibc

/// A Unix socket that everybody on the machine may connect to.
public enum PublicSocket {
    /// Makes the directory for it, unless it is there, which everybody may look into, and lets everybody pass through the one
    /// that it lies in. Only their owner may write to them. A directory that is so already is left as it is: its set-group-ID bit,
    /// by which sockets get its group, is lost to a `chmod` of who is not of that group (chmod(2)). C: `mkdir`, `stat`, `chmod`.
    public static func prepareDirectory(_ name: String, in parent: String) throws(PrivateFileError) {
        let path = parent + "/" + name
        try PrivateDirectory.prepare(path)
        do throws(SystemError) {
            var status = stat()
            try calling("stat", path) { unsafe stat(path, &status) }
            if status.st_mode & 0o777 != 0o755 {
                try calling("chmod", path) { unsafe chmod(path, 0o755 | status.st_mode & 0o2000) }
            }
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
