import Glibc

/// Directories that hold state nobody else may change.
public enum PrivateDirectory {
    /// Makes the directory with mode 0700 unless it is there, and refuses one that others own or may write to. C: `mkdir`,
    /// `fstat`.
    public static func prepare(_ path: String) throws(PrivateFileError) {
        if unsafe mkdir(path, 0o700) < 0, errno != EEXIST {
            throw .system(SystemError(operation: "mkdir", code: errno, subject: path))
        }
        try check(path)
    }

    /// Refuses a directory that others own or may write to. C: `fstat`.
    public static func check(_ path: String) throws(PrivateFileError) {
        var status = stat()
        do throws(SystemError) {
            let raw = try FileDescriptor(opening: path, O_RDONLY | O_DIRECTORY)
            try calling("fstat", path) { unsafe fstat(raw.raw, &status) }
        } catch {
            throw .system(error)
        }
        guard status.st_uid == geteuid() || status.st_uid == 0 else {
            throw .foreignOwner(path: path, owner: status.st_uid)
        }
        guard status.st_mode & 0o022 == 0 else { throw .writable(path: path, mode: status.st_mode) }
    }

    /// The names in it, in no order. C: `readdir`.
    public static func names(in path: String) throws(SystemError) -> [String] {
        guard let stream = unsafe opendir(path) else {
            throw SystemError(operation: "opendir", code: errno, subject: path)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        errno = 0
        while let entry = unsafe readdir(stream) {
            // An entry is only as long as its name.
            let name = unsafe UnsafeRawPointer(entry) + MemoryLayout<dirent>.offset(of: \.d_name)!
            names.append(unsafe String(cString: name.assumingMemoryBound(to: CChar.self)))
            errno = 0
        }
        guard errno == 0 else { throw SystemError(operation: "readdir", code: errno, subject: path) }
        return names.filter { $0 != "." && $0 != ".." }
    }
}
