import Glibc

/// Held by the one process that owns an instance; given back when released or when the process ends, however it ends.
public final class InstanceLock: Sendable {
    private let file: FileDescriptor
    public let path: String

    /// Takes the lock or fails at once with `EWOULDBLOCK`; the error's detail names the holder's process. C: `flock`.
    public init(path: String) throws(SystemError) {
        self.path = path
        file = try FileDescriptor(opening: path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
        do {
            try calling("flock", path) { flock(file.raw, LOCK_EX | LOCK_NB) }
        } catch {
            throw SystemError(
                operation: error.operation, code: error.code, subject: path,
                detail: Self.holder(file).map { "held by process \($0)" })
        }
        let text = Array("\(getpid())\n".utf8)
        try calling("ftruncate", path) { ftruncate(file.raw, 0) }
        try calling("pwrite", path) { unsafe pwrite(file.raw, text, text.count, 0) }
    }

    private static func holder(_ file: FileDescriptor) -> Int? {
        var text = [UInt8](repeating: 0, count: 32)
        let count = unsafe pread(file.raw, &text, text.count, 0)
        guard count > 0 else { return nil }
        return Int(String(decoding: text[..<count], as: UTF8.self).filter { $0.isNumber })
    }
}
