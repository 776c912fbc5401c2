import Glibc

/// Files that anybody may read, and nobody change but root and this process's user.
public enum GuardedFile {
    /// Refuses other kinds of file, foreign owners, and files that group or others may write. Links are followed. C: `open`, `fstat`.
    ///
    /// - Parameter limit: `EFBIG` beyond so many bytes.
    public static func read(_ path: String, limit: Int = 1 << 20) throws(PrivateFileError) -> [UInt8] {
        let file: FileDescriptor
        // A pipe without a writer is not waited for.
        do throws(SystemError) { file = try FileDescriptor(opening: path, O_RDONLY | O_NONBLOCK) } catch {
            throw .system(error)
        }
        let status = try PrivateFile.status(of: file, path: path)
        guard status.st_mode & 0o022 == 0 else { throw .writable(path: path, mode: status.st_mode) }
        do throws(SystemError) { return try AtomicFile.read(file, path, limit: limit) } catch { throw .system(error) }
    }
}
