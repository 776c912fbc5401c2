internal import Glibc

/// Whose a process is.
struct ProcessAccount {
    let userID: UInt32
    let groupID: UInt32
    /// Supplementary ones.
    let groups: Set<UInt32>

    /// `ESRCH` when there is no such process, `EPERM` where real, effective, saved and file system's IDs are not all the same.
    init(ofProcess processID: UInt32) throws(SystemError) {
        let status = try ProcessStatus(ofProcess: processID)
        userID = try Self.only("Uid", in: status)
        groupID = try Self.only("Gid", in: status)
        groups = Set(status.numbers("Groups"))
    }

    private static func only(_ field: String, in status: ProcessStatus) throws(SystemError) -> UInt32 {
        let numbers = status.numbers(field)
        guard numbers.count == 4, let number = numbers.first else {
            throw SystemError(operation: "read", code: EBADMSG, subject: status.path)
        }
        guard numbers.allSatisfy({ $0 == number }) else {
            throw SystemError(operation: "read", code: EPERM, subject: status.path, detail: "it acts as somebody else")
        }
        return number
    }
}
