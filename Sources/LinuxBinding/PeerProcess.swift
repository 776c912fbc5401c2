internal import CLinux
internal import Dispatch
internal import Glibc

/// The process that connected a Unix stream socket, or that somebody named. It is held by a descriptor: a process that gets its
/// number later is never taken for it.
public final class PeerProcess: Sendable {
    public let credentials: PeerCredentials
    /// Supplementary groups: as the kernel recorded them at `connect`, or when the process was named.
    public let groups: Set<UInt32>
    private let descriptor: FileDescriptor

    /// What a process may have by the kernel's own limit (`NGROUPS_MAX`).
    private static let mostGroups = 65536

    /// `ESRCH` for a process that has ended or is in no namespace of processes below ours. C: `SO_PEERCRED`,
    /// `SO_PEERGROUPS`, `SO_PEERPIDFD`.
    public convenience init(ofSocket socket: Int32) throws(SystemError) {
        try self.init(ofSocket: socket, isHeldByTheKernel: Self.isHeldByTheKernel)
    }

    /// - Parameter isHeldByTheKernel: whether the kernel holds on to who connected. Otherwise there is a number and an account, and `ESRCH`
    ///   for a process that has the number now and is not of that account: it has the number of one that ended. C: `pidfd_open`.
    package init(ofSocket socket: Int32, isHeldByTheKernel: Bool) throws(SystemError) {
        credentials = try PeerCredentials(ofSocket: socket)
        // A process of elsewhere has no number here.
        guard credentials.processID > 0 else {
            throw SystemError(
                operation: "SO_PEERCRED", code: ESRCH, detail: "the process is not below this one's namespace")
        }
        groups = try Self.groups(socket)
        descriptor =
            isHeldByTheKernel
            ? FileDescriptor(owning: try checking("SO_PEERPIDFD", nil, ps_linux_peer_pidfd(socket)))
            : try Self.opening(credentials, groups)
        guard isAlive else { throw SystemError(operation: "SO_PEERPIDFD", code: ESRCH) }
    }

    /// The process that has a number now, if it acts as the account that connected by it.
    private static func opening(
        _ credentials: PeerCredentials, _ groups: Set<UInt32>
    ) throws(SystemError) -> FileDescriptor {
        let raw = try checking("pidfd_open", nil, ps_linux_pidfd_open(pid_t(credentials.processID)))
        let descriptor = FileDescriptor(owning: raw)
        // What is read by the number from here on is of whom the descriptor holds, as long as that is alive.
        let acting = try ProcessAccount.acting(ofProcess: credentials.processID)
        guard acting.userID == credentials.userID, acting.groupID == credentials.groupID, acting.groups == groups else {
            throw SystemError(
                operation: "pidfd_open", code: ESRCH, detail: "its number is another's, of another account, by now")
        }
        return descriptor
    }

    /// The process that has this number now. `ESRCH` when there is none; `EPERM` for one that is not wholly one user's and one
    /// group's: who began a set-user-ID program did not become whom it acts as. C: `pidfd_open`, `read` of `/proc/PID/status`.
    public convenience init(processID: UInt32) throws(SystemError) {
        guard let number = pid_t(exactly: processID), number > 0 else {
            throw SystemError(operation: "pidfd_open", code: ESRCH, detail: "no process has number \(processID)")
        }
        let raw = try checking("pidfd_open", nil, ps_linux_pidfd_open(number))
        try self.init(number: processID, FileDescriptor(owning: raw))
    }

    /// The same process as it is now.
    public func current() throws(SystemError) -> PeerProcess {
        try PeerProcess(number: credentials.processID, descriptor)
    }

    private init(number: UInt32, _ descriptor: FileDescriptor) throws(SystemError) {
        let account = try ProcessAccount(ofProcess: number)
        credentials = PeerCredentials(processID: number, userID: account.userID, groupID: account.groupID)
        groups = account.groups
        self.descriptor = descriptor
        guard isAlive else { throw SystemError(operation: "pidfd_open", code: ESRCH) }
    }

    private static func groups(_ socket: Int32) throws(SystemError) -> Set<UInt32> {
        var groups = [gid_t](repeating: 0, count: 64)
        var count = unsafe ps_linux_peer_groups(socket, &groups, Int32(groups.count))
        if count == -ERANGE {
            groups = [gid_t](repeating: 0, count: mostGroups)
            count = unsafe ps_linux_peer_groups(socket, &groups, Int32(groups.count))
        }
        return Set(groups.prefix(Int(try checking("SO_PEERGROUPS", nil, count))))
    }

    /// What was read of it by its number while this held afterwards was of this process. C: `poll`.
    public var isAlive: Bool { ps_linux_has_ended(descriptor.raw) == 0 }

    /// Calls `body` once, when it ends or has ended; never after the returned value is gone.
    public func onExit(_ body: @escaping @Sendable () -> Void) -> ExitWatch {
        ExitWatch(descriptor, body)
    }

    public final class ExitWatch: @unchecked Sendable {
        // Never changed after init; cancelling is for any thread.
        private let source: any DispatchSourceRead

        private static let queue = DispatchQueue(label: "podshield.exits")

        init(_ descriptor: FileDescriptor, _ body: @escaping @Sendable () -> Void) {
            source = DispatchSource.makeReadSource(fileDescriptor: descriptor.raw, queue: Self.queue)
            nonisolated(unsafe) let made = source
            unsafe made.setEventHandler {
                unsafe made.cancel()
                body()
            }
            // The descriptor must outlive its source.
            unsafe made.setCancelHandler { withExtendedLifetime(descriptor) {} }
            unsafe made.activate()
        }

        deinit { source.cancel() }
    }
}

// MARK: What /proc says of it

extension PeerProcess {
    private var directory: String { "/proc/\(credentials.processID)" }

    /// Its place in the unified hierarchy, as the cgroup namespace of this process sees it; nil on a machine without. `ESRCH`
    /// once it has ended. C: `read` of `/proc/PID/cgroup`.
    public func controlGroup() throws(SystemError) -> String? {
        // By bytes: names of groups may be anything, and letters of a text are not always what the kernel wrote.
        let lines = try AtomicFile.read(directory + "/cgroup", limit: 65536).split(separator: UInt8(ascii: "\n"))
        try checkAlive()
        return lines.first { $0.starts(with: "0::".utf8) }.map { String(decoding: $0.dropFirst(3), as: UTF8.self) }
    }

    /// Whether numbers of processes mean to it what they mean here: it lives in no PID namespace below this one, in which it would
    /// have another number. `ESRCH` once it has ended. C: `read` of `/proc/PID/status`.
    public func countsAsWeDo() throws(SystemError) -> Bool {
        let numbers = try ProcessStatus(ofProcess: credentials.processID).numbers("NSpid")
        try checkAlive()
        return numbers == [credentials.processID]
    }

    /// Its executable, open for reading. `EACCES` without CAP_SYS_PTRACE for a process of another user, and when the file may
    /// not be read; `ESRCH` once it has ended. C: `open` of `/proc/PID/exe`.
    public func executable() throws(SystemError) -> ExecutableFile {
        let link = directory + "/exe"
        let file = try ExecutableFile(opening: link)
        let path = try Self.target(of: link)
        try checkAlive()
        return file.found(at: path)
    }

    /// `ESRCH` once it has ended: what was read of it by its number may be of another.
    public func checkAlive() throws(SystemError) {
        guard isAlive else { throw SystemError(operation: "read", code: ESRCH, subject: directory) }
    }

    private static func target(of link: String) throws(SystemError) -> String {
        var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = try calling("readlink", link) {
            unsafe target.withUnsafeMutableBytes {
                unsafe readlink(link, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
            }
        }
        return String(decoding: target[..<count], as: UTF8.self)
    }
}

/// A process's executable.
public struct ExecutableFile: Sendable {
    /// Which file it is, and which contents: another size or time of change are others.
    public struct Version: Hashable, Sendable {
        let device: UInt64
        let inode: UInt64
        let size: Int64
        let changedSeconds: Int
        let changedNanoseconds: Int

        fileprivate init(_ status: stat) {
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
            size = Int64(status.st_size)
            changedSeconds = status.st_ctim.tv_sec
            changedNanoseconds = status.st_ctim.tv_nsec
        }
    }

    public let version: Version
    /// Where it lies, if the same file lies there for this process, too; nil for one that was deleted or replaced, and for one
    /// of another file system's tree, such as a container's.
    public let path: String?
    private let descriptor: FileDescriptor

    init(opening link: String) throws(SystemError) {
        let file = try FileDescriptor(opening: link, O_RDONLY | O_NONBLOCK)
        var status = stat()
        try calling("fstat", link) { unsafe fstat(file.raw, &status) }
        self.init(file, path: nil, Version(status))
    }

    /// Whether nobody has written to it since it was opened. C: `fstat`.
    public var isUnchanged: Bool {
        var status = stat()
        return unsafe fstat(descriptor.raw, &status) == 0 && Version(status) == version
    }

    private init(_ descriptor: FileDescriptor, path: String?, _ version: Version) {
        self.descriptor = descriptor
        self.path = path
        self.version = version
    }

    func found(at path: String) -> ExecutableFile {
        var status = stat()
        let isThere = unsafe stat(path, &status) == 0 && Version(status) == version
        return ExecutableFile(descriptor, path: isThere ? path : nil, version)
    }

    public var byteCount: Int64 { version.size }

    /// Hands its contents to `body`, in pieces. C: `pread`.
    public func read(_ body: (ArraySlice<UInt8>) -> Void) throws(SystemError) {
        var chunk = [UInt8](repeating: 0, count: 1 << 18)
        var offset = 0
        while true {
            let count = try calling("pread") { unsafe pread(descriptor.raw, &chunk, chunk.count, offset) }
            guard count > 0 else { return }
            body(chunk[..<count])
            offset += count
        }
    }
}
