internal import Glibc

/// Whose a process is, by `/proc/PID/status`, which everybody may read.
struct ProcessAccount {
    let userID: UInt32
    let groupID: UInt32
    /// Supplementary ones.
    let groups: Set<UInt32>

    /// `ESRCH` when there is no such process, `EPERM` where real, effective, saved and file system's IDs are not all the same.
    init(ofProcess processID: UInt32) throws(SystemError) {
        let path = "/proc/\(processID)/status"
        let text: String
        do {
            text = String(decoding: try AtomicFile.read(path), as: UTF8.self)
        } catch  where error.code == ENOENT {
            throw SystemError(operation: "read", code: ESRCH, subject: path)
        }
        // Before these lines stands the name, in which the kernel escapes line ends.
        let lines = text.split(separator: "\n")
        userID = try Self.only(Self.numbers("Uid:", in: lines), path)
        groupID = try Self.only(Self.numbers("Gid:", in: lines), path)
        groups = Set(Self.numbers("Groups:", in: lines))
    }

    private static func numbers(_ field: String, in lines: [Substring]) -> [UInt32] {
        let line = lines.first { $0.hasPrefix(field) }?.dropFirst(field.count)
        return line?.split { $0 == "\t" || $0 == " " }.compactMap { UInt32($0) } ?? []
    }

    private static func only(_ numbers: [UInt32], _ path: String) throws(SystemError) -> UInt32 {
        guard numbers.count == 4, let number = numbers.first else {
            throw SystemError(operation: "read", code: EBADMSG, subject: path)
        }
        guard numbers.allSatisfy({ $0 == number }) else {
            throw SystemError(operation: "read", code: EPERM, subject: path, detail: "it acts as somebody else")
        }
        return number
    }
}
