public import Glibc

/// Files that are there whole or not at all.
public enum AtomicFile {
    /// Writes a new file beside `path` with exactly `mode`, syncs it, renames it over `path`, syncs the directory. Readers
    /// see the old contents or the new; after a crash as well.
    public static func write(_ contents: [UInt8], to path: String, mode: mode_t) throws(SystemError) {
        let result = unsafe contents.withUnsafeBytes { bytes in
            Result { () throws(SystemError) in unsafe try write(bytes, to: path, mode: mode) }
        }
        try result.get()
    }

    /// The same for bytes that may not be copied, such as secrets.
    ///
    /// - Parameter isLasting: otherwise nothing is synced. A crash of the machine may then leave the old contents, or an empty file.
    public static func write(
        _ contents: UnsafeRawBufferPointer, to path: String, mode: mode_t, isLasting: Bool = true
    ) throws(SystemError) {
        let temporary = "\(path)\(temporaryMark)\(getpid())"
        do {
            let file = unsafe try write(contents, toNew: temporary, mode: mode)
            if isLasting { try calling("fsync", path) { fsync(file.raw) } }
            try calling("rename", path) { unsafe rename(temporary, path) }
        } catch {
            _ = unsafe unlink(temporary)
            throw error
        }
        if isLasting { try syncDirectory(of: path) }
    }

    /// Reads a whole file.
    ///
    /// - Parameter limit: `EFBIG` beyond so many bytes.
    public static func read(_ path: String, limit: Int = 1 << 20) throws(SystemError) -> [UInt8] {
        try read(FileDescriptor(opening: path), path, limit: limit)
    }

    /// The same of one that is open.
    static func read(_ file: FileDescriptor, _ path: String, limit: Int) throws(SystemError) -> [UInt8] {
        var contents: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        while contents.count <= limit {
            let count = try calling("read", path) { unsafe Glibc.read(file.raw, &chunk, chunk.count) }
            if count == 0 { return contents }
            contents += chunk[..<count]
        }
        throw SystemError(operation: "read", code: EFBIG, subject: path)
    }

    /// Removes a file, if it is there. C: `unlink`.
    ///
    /// - Parameter isLasting: for good; otherwise a crash of the machine may bring it back.
    public static func remove(_ path: String, isLasting: Bool = true) throws(SystemError) {
        do throws(SystemError) {
            try calling("unlink", path) { unsafe unlink(path) }
        } catch {
            guard error.code == ENOENT else { throw error }
            return
        }
        if isLasting { try syncDirectory(of: path) }
    }

    /// Removes from a directory what writers left there that were killed, secrets perhaps among it. Only for the one process
    /// that owns the directory.
    public static func removeLeftovers(in directory: String) throws(SystemError) {
        for name in try PrivateDirectory.names(in: directory) where name.contains(temporaryMark) {
            try remove(directory + "/" + name)
        }
    }

    private static let temporaryMark = ".new-"

    private static func write(
        _ contents: UnsafeRawBufferPointer, toNew path: String, mode: mode_t
    ) throws(SystemError) -> FileDescriptor {
        // A left-over of a crashed process with our number; O_EXCL then refuses whatever else appears there.
        _ = unsafe unlink(path)
        let file = try FileDescriptor(opening: path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
        var written = 0
        while written < contents.count {
            written += try calling("write", path) {
                unsafe Glibc.write(file.raw, contents.baseAddress! + written, contents.count - written)
            }
        }
        try calling("fchmod", path) { fchmod(file.raw, mode) }
        return file
    }

    /// Makes what was done to the names beside `path` outlast a crash of the machine. C: `fsync`.
    public static func syncDirectory(of path: String) throws(SystemError) {
        let slash = path.lastIndex(of: "/")
        let directory = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let descriptor = try FileDescriptor(opening: directory, O_RDONLY | O_DIRECTORY)
        try calling("fsync", directory) { fsync(descriptor.raw) }
    }
}
