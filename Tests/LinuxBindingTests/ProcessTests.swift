import Foundation
import KernelTestSupport
import LinuxBinding
import Testing

@Suite struct ProcessTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test func atomicFilesHaveTheirModeAndReplaceWhole() throws {
        let path = directory.path + "/key"
        try AtomicFile.write(Array("one".utf8), to: path, mode: 0o600)
        try AtomicFile.write(Array("second".utf8), to: path, mode: 0o640)
        #expect(try AtomicFile.read(path) == Array("second".utf8))
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o640)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["key"])
    }

    @Test func aFailedWriteLeavesTheOldFile() throws {
        let path = directory.path + "/directory"
        try FileManager.default.createDirectory(atPath: path + "/inside", withIntermediateDirectories: true)
        #expect(throws: SystemError.self) { try AtomicFile.write([1], to: path, mode: 0o600) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["directory"])
    }

    @Test func readingIsLimited() throws {
        let path = directory.path + "/large"
        try AtomicFile.write([UInt8](repeating: 7, count: 40000), to: path, mode: 0o600)
        #expect(try AtomicFile.read(path, limit: 40000).count == 40000)
        let error = #expect(throws: SystemError.self) { try AtomicFile.read(path, limit: 39999) }
        #expect(error?.code == EFBIG)
    }

    @Test func leftoversOfKilledWritersGoAndTheRestStays() throws {
        for name in ["key.new-1", "key.new-99999", "key", "renew"] {
            try AtomicFile.write([1], to: directory.path + "/" + name, mode: 0o600)
        }
        try AtomicFile.removeLeftovers(in: directory.path)
        #expect(try PrivateDirectory.names(in: directory.path).sorted() == ["key", "renew"])
    }

    @Test func removingTwiceIsNoError() throws {
        let path = directory.path + "/key"
        try AtomicFile.write([1], to: path, mode: 0o600)
        try AtomicFile.remove(path)
        try AtomicFile.remove(path)
        #expect(try PrivateDirectory.names(in: directory.path).isEmpty)
        let error = #expect(throws: SystemError.self) { try AtomicFile.remove(directory.path) }
        #expect(error?.subject == directory.path)
    }

    @Test func anInstanceIsLockedOnce() throws {
        let path = directory.path + "/lock"
        let error = withExtendedLifetime(try InstanceLock(path: path)) {
            #expect(throws: SystemError.self) { try InstanceLock(path: path) }
        }
        #expect(error?.code == EWOULDBLOCK)
        #expect(error?.detail == "held by process \(getpid())")
        #expect(throws: Never.self) { try InstanceLock(path: path) }
    }

    @Test func socketsKnowTheirPeer() throws {
        let (one, other) = try UnixSocket.pair()
        let credentials = try PeerCredentials(ofSocket: one.descriptor.raw)
        #expect(credentials.processID == UInt32(getpid()) && credentials.userID == getuid())
        try one.send(Array("first\nsecond".utf8))
        #expect(try other.receiveLine(limit: 100) == Array("first".utf8))
    }

    @Test func socketLinesAreLimitedInTimeAndLength() throws {
        let (one, other) = try UnixSocket.pair()
        try other.setTimeLimit(.milliseconds(50))
        #expect(#expect(throws: SystemError.self) { try other.receiveLine(limit: 10) }?.code == EAGAIN)
        try one.send([UInt8](repeating: 65, count: 11))
        #expect(#expect(throws: SystemError.self) { try other.receiveLine(limit: 10) }?.code == EMSGSIZE)
    }

    @Test func connectingWaitsForAPlaceButNotForever() throws {
        let (ours, theirs) = try UnixSocket.pair()
        let listener = try ChildProcess(
            path: "/usr/bin/python3",
            arguments: [
                "-c",
                """
                import socket, sys
                server = socket.socket(socket.AF_UNIX)
                server.bind(sys.argv[1])
                server.listen(0)
                control = socket.socket(fileno=0)
                control.sendall(b"listens\\n")
                control.recv(1)
                held = [server.accept() for _ in range(2)]
                control.recv(1)
                """, directory.path + "/s",
            ], input: theirs.descriptor)
        defer { listener.kill() }
        #expect(try ours.receiveLine(limit: 100) == Array("listens".utf8))
        // A queue of length zero holds one.
        let first = try UnixSocket.connect(to: directory.path + "/s", within: .seconds(10))
        let error = #expect(throws: SystemError.self) {
            try UnixSocket.connect(to: directory.path + "/s", within: .milliseconds(50))
        }
        #expect(error?.code == EAGAIN)
        try ours.send(Array("!".utf8))
        let second = try UnixSocket.connect(to: directory.path + "/s", within: .seconds(10))
        try ours.send(Array("!".utf8))
        #expect(try listener.wait() == 0)
        withExtendedLifetime((first, second)) {}
    }

    @Test func childrenTalkOverTheirInput() throws {
        let (ours, theirs) = try UnixSocket.pair()
        let child = try ChildProcess(
            path: "/bin/sh", arguments: ["-c", "read line; echo \"got $line\" >&0; exit 3"], input: theirs.descriptor)
        try ours.send(Array("ping\n".utf8))
        #expect(try ours.receiveLine(limit: 100) == Array("got ping".utf8))
        #expect(try child.wait() == 3)
    }

    @Test func childrenHearSignals() async throws {
        let (ours, theirs) = try UnixSocket.pair()
        // From a pool's thread, where all signals are blocked.
        let child = try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Result { try ChildProcess(path: "/bin/cat", input: theirs.descriptor) })
            }
        }
        kill(child.processID, SIGTERM)
        #expect(try child.wait() == 128 + SIGTERM)
        withExtendedLifetime(ours) {}
    }

    @Test func theBootClockRuns() throws {
        let uptime = try String(contentsOfFile: "/proc/uptime", encoding: .utf8)
        let seconds = try #require(Double(uptime.split(separator: " ")[0]))
        let measured = Double(BootClock.nanoseconds) / 1e9
        #expect(abs(measured - seconds) < 5)
    }

    @Test func namespacesAreToldFromFiles() throws {
        let path = directory.path + "/file"
        try AtomicFile.write([], to: path, mode: 0o600)
        #expect(#expect(throws: SystemError.self) { try NetworkNamespace(path: path) }?.code == EINVAL)
        #expect(#expect(throws: SystemError.self) { try NetworkNamespace(path: "/proc/self/ns/mnt") }?.code == EINVAL)
        #expect(throws: Never.self) { try NetworkNamespace(path: "/proc/self/ns/net") }
    }

    @Test func workInANamespaceLeavesTheCallerWhereItWas() throws {
        let pod = try TestPod()
        let before = try NetworkNamespace.current().inode()
        let inside = try NetworkNamespace(path: pod.path).run {
            try NetworkNamespace(path: "/proc/thread-self/ns/net").inode()
        }
        #expect(inside == (try NetworkNamespace(path: pod.path).inode()))
        #expect(inside != before)
        #expect(try NetworkNamespace.current().inode() == before)
    }

    @Test func secretMemoryStartsAsZeros() {
        let memory = SecretMemory(byteCount: 48)
        let isZero = unsafe memory.withBytes { unsafe $0.allSatisfy { $0 == 0 } }
        #expect(isZero)
    }
}
