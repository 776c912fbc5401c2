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

    private init(userID: UInt32, groupID: UInt32, groups: Set<UInt32>) {
        self.userID = userID
        self.groupID = groupID
        self.groups = groups
    }

    /// Whom it acts as, whoever it could become: the effective IDs, which sockets record. `ESRCH` when there is no such process.
    static func acting(ofProcess processID: UInt32) throws(SystemError) -> ProcessAccount {
        let status = try ProcessStatus(ofProcess: processID)
        return ProcessAccount(
            userID: try ids("Uid", in: status)[1], groupID: try ids("Gid", in: status)[1],
            groups: Set(status.numbers("Groups")))
    }

    private static func only(_ field: String, in status: ProcessStatus) throws(SystemError) -> UInt32 {
        let numbers = try ids(field, in: status)
        guard numbers.allSatisfy({ $0 == numbers[0] }) else {
            throw SystemError(operation: "read", code: EPERM, subject: status.path, detail: "it acts as somebody else")
        }
        return numbers[0]
    }

    /// Real, effective, saved and the file system's.
    private static func ids(_ field: String, in status: ProcessStatus) throws(SystemError) -> [UInt32] {
        let numbers = status.numbers(field)
        guard numbers.count == 4 else {
            throw SystemError(operation: "read", code: EBADMSG, subject: status.path)
        }
        return numbers
    }
}
