import Glibc

/// Why a file or directory that must be private is not accepted as one.
public enum PrivateFileError: Error, Hashable, Sendable {
    case system(SystemError)
    case notRegular(path: String)
    /// Owned by neither this process's user nor root.
    case foreignOwner(path: String, owner: UInt32)
    /// Group or others may read or write it.
    case open(path: String, mode: UInt32)
    /// A file or directory that group or others may write to.
    case writable(path: String, mode: UInt32)
    case tooLarge(path: String, bytes: Int)
}

extension PrivateFileError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .system(let error): "\(error)"
        case .notRegular(let path): "\(path) is no regular file"
        case .foreignOwner(let path, let owner): "\(path) belongs to user \(owner)"
        case .open(let path, let mode):
            "\(path) is open to others (mode \(String(mode & 0o7777, radix: 8))); it must be 600"
        case .writable(let path, let mode):
            "\(path) can be written by others (mode \(String(mode & 0o7777, radix: 8))); it must be "
                + (mode & S_IFMT == S_IFDIR ? "700" : "644")
        case .tooLarge(let path, let bytes): "\(path) has \(bytes) bytes, more than is sensible"
        }
    }
}

/// A file that nobody but its owner may read, opened for reading. What is checked is the open file, so that no exchange of
/// names comes between check and reading.
public struct PrivateFile: Sendable {
    private let descriptor: FileDescriptor
    private let path: String
    public let byteCount: Int

    public static let largest = 1 << 20

    /// Refuses links, other kinds of file, foreign owners, modes beyond the owner's, and more bytes than `largest`. C:
    /// `open`, `fstat`.
    public init(opening path: String, largest: Int = Self.largest) throws(PrivateFileError) {
        do throws(SystemError) {
            descriptor = try FileDescriptor(opening: path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        } catch {
            throw .system(error)
        }
        byteCount = try Self.check(descriptor, path: path)
        self.path = path
        guard byteCount <= largest else { throw .tooLarge(path: path, bytes: byteCount) }
    }

    /// Refuses an open file that others than its owner, who is this process's user or root, can read or write. Returns
    /// how many bytes it has. C: `fstat`.
    @discardableResult
    public static func check(_ file: FileDescriptor, path: String) throws(PrivateFileError) -> Int {
        let status = try status(of: file, path: path)
        guard status.st_mode & 0o077 == 0 else { throw .open(path: path, mode: status.st_mode) }
        return Int(status.st_size)
    }

    /// Of a regular file of this process's user or root. C: `fstat`.
    static func status(of file: FileDescriptor, path: String) throws(PrivateFileError) -> stat {
        var status = stat()
        do throws(SystemError) {
            try calling("fstat", path) { unsafe fstat(file.raw, &status) }
        } catch {
            throw .system(error)
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notRegular(path: path) }
        guard status.st_uid == geteuid() || status.st_uid == 0 else {
            throw .foreignOwner(path: path, owner: status.st_uid)
        }
        return status
    }

    /// All of it, where it is no secret.
    public func contents() throws(PrivateFileError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        let result = unsafe bytes.withUnsafeMutableBytes { memory in
            Result { () throws(PrivateFileError) in unsafe try read(into: memory) }
        }
        try result.get()
        return bytes
    }

    /// Fills `destination`, of `byteCount` bytes, with the contents, so that they need not pass through memory that nobody
    /// wipes. C: `pread`.
    public func read(into destination: UnsafeMutableRawBufferPointer) throws(PrivateFileError) {
        var offset = 0
        while offset < destination.count {
            let count: Int
            do throws(SystemError) {
                count = try calling("pread", path) {
                    unsafe pread(
                        descriptor.raw, destination.baseAddress! + offset, destination.count - offset, offset)
                }
            } catch {
                throw .system(error)
            }
            guard count > 0 else { throw .system(SystemError(operation: "read", code: EIO, subject: path)) }
            offset += count
        }
    }
}
