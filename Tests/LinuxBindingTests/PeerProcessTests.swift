import Foundation
import KernelTestSupport
import Testing

@testable import LinuxBinding

@Suite struct PeerProcessTests {
    /// One end is ours, the other that of a program which reads from it until it ends.
    private func peer(
        of words: String..., isHeldByTheKernel: Bool = true
    ) throws -> (PeerProcess, RunningProgram, TemporaryDirectory) {
        let directory = try TemporaryDirectory()
        let listener = try Listener(path: directory.path + "/socket")
        let process = try RunningProgram(words + [directory.path + "/socket"])
        let connection = try listener.accept()
        let peer = try PeerProcess(ofSocket: connection.raw, isHeldByTheKernel: isHeldByTheKernel)
        return withExtendedLifetime(connection) { (peer, process, directory) }
    }

    private static let connect = """
        import os, socket, sys, time
        s = socket.socket(socket.AF_UNIX)
        os.setgroups([4, 27]); os.setgid(33); os.setuid(1234)
        s.connect(sys.argv[1])
        time.sleep(60)
        """

    private func python(
        isHeldByTheKernel: Bool = true
    ) throws -> (PeerProcess, RunningProgram, TemporaryDirectory) {
        try peer(of: "/usr/bin/python3", "-c", Self.connect, isHeldByTheKernel: isHeldByTheKernel)
    }

    /// Also as kernels before 6.5 tell it.
    @Test(arguments: [true, false]) func whoConnectedIsKnownWholly(isHeldByTheKernel: Bool) throws {
        let (peer, process, directory) = try python(isHeldByTheKernel: isHeldByTheKernel)
        defer { process.end() }
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: directory.path)
        #expect(peer.credentials.processID == UInt32(process.processID))
        #expect(peer.credentials.userID == 1234 && peer.credentials.groupID == 33 && peer.groups == [4, 27])
        #expect(peer.isAlive)
        let executable = try peer.executable()
        #expect(executable.path == URL(filePath: "/usr/bin/python3").resolvingSymlinksInPath().path)
        var contents: [UInt8] = []
        try executable.read { contents += $0 }
        #expect(Int64(contents.count) == executable.byteCount && contents.starts(with: [0x7f, 0x45, 0x4c, 0x46]))
        #expect(try peer.controlGroup()?.hasPrefix("/") != false)
    }

    @Test func itsEndIsToldOnce() async throws {
        let (peer, process, directory) = try python()
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        let watch = peer.onExit {
            end.yield()
            end.finish()
        }
        process.signal(SIGKILL)
        var count = 0
        for await _ in ends { count += 1 }
        #expect(count == 1 && !peer.isAlive)
        process.end()
        let error = #expect(throws: SystemError.self) { _ = try peer.executable() }
        #expect([ESRCH, ENOENT].contains(error?.code))
        #expect(throws: SystemError.self) { _ = try peer.controlGroup() }
        withExtendedLifetime((watch, directory)) {}
    }

    private static func connected(_ user: Int) -> [String] {
        let connect = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])"
        return account(user) + ["/usr/bin/python3", "-c", connect]
    }

    private static func account(_ user: Int) -> [String] {
        ["setpriv", "--reuid=\(user)", "--regid=\(user)", "--clear-groups"]
    }

    /// Who connects and ends before anybody looks, and leaves its number to another: of another account, where the kernel holds on to
    /// nobody; else of any.
    @Test(arguments: [(true, 4711), (true, 4712), (false, 4712)])
    func aNumberThatIsGivenAgainBeforeTheLookIsNotTaken(isHeldByTheKernel: Bool, heir: Int) throws {
        let directory = try TemporaryDirectory()
        let listener = try Listener(path: directory.path + "/socket")
        let first = try RunningProgram(Self.connected(4711) + [directory.path + "/socket"])
        let number = first.processID
        let connection = try listener.accept()
        var end = pollfd(fd: connection.raw, events: Int16(POLLIN), revents: 0)
        try #require(unsafe poll(&end, 1, 30_000) == 1)
        first.end()
        let second = try RunningProgram.start(Self.account(heir) + ["sleep", "60"], as: number)
        defer { second.end() }
        try #require(eventually { (try? PeerProcess(processID: UInt32(number)))?.credentials.userID == UInt32(heir) })
        #expect(try PeerCredentials(ofSocket: connection.raw).processID == UInt32(number))
        #expect(throws: SystemError.self) {
            try PeerProcess(ofSocket: connection.raw, isHeldByTheKernel: isHeldByTheKernel)
        }
    }

    private func eventually(_ holds: () -> Bool) -> Bool {
        for _ in 0..<1500 {
            if holds() { return true }
            usleep(20_000)
        }
        return false
    }

    /// A file that has gone, or another one at its place, is nobody's path any more.
    @Test func aDeletedOrReplacedExecutableHasNoPath() throws {
        let place = try TemporaryDirectory()
        let copy = place.path + "/python"
        try FileManager.default.copyItem(
            atPath: URL(filePath: "/usr/bin/python3").resolvingSymlinksInPath().path, toPath: copy)
        let (peer, process, directory) = try peer(of: copy, "-c", Self.connect)
        defer { process.end() }
        #expect(try peer.executable().path == copy)
        try FileManager.default.removeItem(atPath: copy)
        #expect(try peer.executable().path == nil)
        try Data("another".utf8).write(to: URL(filePath: copy + " (deleted)"))
        #expect(try peer.executable().path == nil)
        withExtendedLifetime(directory) {}
    }

    @Test func aSocketBelongsToTheNamespaceItWasMadeIn() throws {
        let pod = try TestPod()
        let directory = try TemporaryDirectory()
        let listener = try Listener(path: directory.path + "/socket")
        let process = try RunningProgram(
            ["nsenter", "--net=\(pod.path)", "/usr/bin/python3", "-c", Self.connect, directory.path + "/socket"])
        defer { process.end() }
        let connection = try listener.accept()
        let namespace = try withExtendedLifetime(connection) { try NetworkNamespace(ofPeerOf: connection.raw) }
        #expect(try namespace.inode() == NetworkNamespace(path: pod.path).inode())
        #expect(try namespace.inode() != NetworkNamespace.current().inode())
    }

    @Test func accountsHaveNames() {
        #expect(Account.userName(0) == "root" && Account.groupName(0) == "root")
        #expect(Account.userName(4_000_000_000) == nil && Account.groupName(4_000_000_000) == nil)
    }
}

/// A listening Unix socket that everybody may connect to.
struct Listener {
    let descriptor: FileDescriptor

    init(path: String) throws {
        let raw = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        descriptor = FileDescriptor(owning: raw)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        let bound = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(raw, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0 && listen(raw, 8) == 0)
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: path)
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o755], ofItemAtPath: URL(filePath: path).deletingLastPathComponent().path)
    }

    func accept() throws -> FileDescriptor {
        FileDescriptor(owning: Glibc.accept(descriptor.raw, nil, nil))
    }
}
