import Glibc

/// Held by the one process that owns an instance; given back when released or when the process ends, however it ends.
public final class InstanceLock: Sendable {
    private let file: FileDescriptor
    public let path: String

    /// Takes the lock or fails at once with `EWOULDBLOCK`; the error's detail names the holder's process. C: `flock`.
    public init(path: String) throws(SystemError) {
        self.path = path
        file = try FileDescriptor(opening: path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
        try Self.take(file, LOCK_EX, path: path)
        let text = Array("\(getpid())\n".utf8)
        try calling("ftruncate", path) { ftruncate(file.raw, 0) }
        try calling("pwrite", path) { unsafe pwrite(file.raw, text, text.count, 0) }
    }

    /// Whether somebody holds the lock, without taking it: fails as `init` does if so. A path that is not there is held by
    /// nobody. Shared for a moment, so that a daemon which starts in that very moment has to start again.
    public static func checkFree(path: String) throws(SystemError) {
        let file: FileDescriptor
        do throws(SystemError) { file = try FileDescriptor(opening: path, O_RDONLY | O_NOFOLLOW) } catch {
            guard error.code == ENOENT else { throw error }
            return
        }
        try take(file, LOCK_SH, path: path)
    }

    private static func take(_ file: FileDescriptor, _ mode: Int32, path: String) throws(SystemError) {
        do {
            try calling("flock", path) { flock(file.raw, mode | LOCK_NB) }
        } catch {
            throw SystemError(
                operation: error.operation, code: error.code, subject: path,
                detail: holder(file).map { "held by process \($0)" })
        }
    }

    private static func holder(_ file: FileDescriptor) -> Int? {
        var text = [UInt8](repeating: 0, count: 32)
        let count = unsafe pread(file.raw, &text, text.count, 0)
        guard count > 0 else { return nil }
        return Int(String(decoding: text[..<count], as: UTF8.self).filter { $0.isNumber })
    }
}
