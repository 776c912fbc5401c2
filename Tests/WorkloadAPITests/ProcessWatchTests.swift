import AuthorityAPI
import Foundation
import Glibc
import KernelTestSupport
import LinuxBinding
import Synchronization
import Testing

@testable import WorkloadAPI

/// Processes that become others while something is streamed for them, of which nothing else tells.
@Suite(.timeLimit(.minutes(1))) struct ProcessWatchTests {
    /// Looks while `body` runs.
    private func looking(_ body: (ProcessWatch) async throws -> Void) async throws {
        let watch = ProcessWatch(round: .milliseconds(50))
        let running = Task { await watch.run() }
        defer { running.cancel() }
        try await body(watch)
    }

    /// Runs as python, and becomes another program by a line on its input.
    private func program() throws -> (RunningProgram, FileHandle) {
        let input = Pipe()
        let script = "import os, sys; sys.stdin.readline(); os.execv('/usr/bin/sleep', ['sleep', '60'])"
        let program = try RunningProgram(["/usr/bin/python3", "-c", script], input: input.fileHandleForReading)
        return (program, input.fileHandleForWriting)
    }

    private func hasBecomePython(_ process: PeerProcess) -> Bool {
        let path = try? process.executable().path
        return path?.hasPrefix("/usr/bin/python3") == true
    }

    private func process(_ program: RunningProgram) throws -> PeerProcess {
        try PeerProcess(processID: UInt32(program.processID))
    }

    @Test func whoBecomesAnotherProgramIsNoticedAndNobodyElse() async throws {
        try await looking { watch in
            let (first, begin) = try program()
            let (second, never) = try program()
            defer { withExtendedLifetime((first, second, never)) {} }
            let (process, other) = (try process(first), try process(second))
            // Both are python by now.
            for process in [process, other] { #expect(await eventually { hasBecomePython(process) }) }
            let rung = Mutex(0)
            let otherRung = Mutex(0)
            let all = [
                watch.follow(process) { rung.withLock { $0 += 1 } },
                watch.follow(process) { rung.withLock { $0 += 1 } },
                watch.follow(other) { otherRung.withLock { $0 += 1 } },
            ]
            #expect(watch.count == 2)
            try await Task.sleep(for: .milliseconds(500))
            #expect(rung.withLock { $0 } == 0)
            try begin.write(contentsOf: Data("go\n".utf8))
            #expect(await eventually { rung.withLock { $0 } == 2 })
            try await Task.sleep(for: .milliseconds(500))
            #expect(rung.withLock { $0 } == 2 && otherRung.withLock { $0 } == 0)
            withExtendedLifetime(all) {}
        }
    }

    @Test func whoIsMovedToAnotherControlGroupIsNoticed() async throws {
        let group = "podshield-watch-\(UInt32.random(in: 0 ... .max))"
        let contained = try ContainedProcess(in: "/\(group)")
        try await looking { watch in
            let rung = Mutex(0)
            let following = watch.follow(contained.process) { rung.withLock { $0 += 1 } }
            try contained.move(below: group, "inner")
            #expect(await eventually { rung.withLock { $0 } > 0 })
            withExtendedLifetime(following) {}
        }
    }

    @Test func whoIsFollowedNoMoreIsNotLookedAt() async throws {
        let watch = ProcessWatch(round: .seconds(10))
        let (program, never) = try program()
        defer { withExtendedLifetime(never) {} }
        let process = try process(program)
        var following: [ProcessWatch.Following] = (0..<3).map { _ in watch.follow(process) {} }
        #expect(watch.count == 1)
        following.removeLast(2)
        #expect(watch.count == 1)
        following.removeAll()
        #expect(watch.count == 0)
    }

    /// A stream that is open ends for a program that took its caller's place, though nothing else has changed.
    @Test func anOpenStreamIsNotTheNextPrograms() async throws {
        let directory = try TemporaryDirectory()
        let copy = directory.path + "/python"
        let python = URL(filePath: "/usr/bin/python3").resolvingSymlinksInPath().path
        try FileManager.default.copyItem(atPath: python, toPath: copy)
        var limits = WorkloadAPILimits()
        limits.lookAtProcesses = .milliseconds(200)
        let server = try await TestServer(limits: limits)
        try server.identities.add("python", [.executablePath(python)])
        let (input, output) = (Pipe(), Pipe())
        let client = try RunningProgram(
            ["/usr/bin/python3", "-c", Self.streaming, server.path, copy], input: input.fileHandleForReading,
            output: output.fileHandleForWriting)
        defer { client.end() }
        try output.fileHandleForWriting.close()
        let told = { @Sendable in String(decoding: output.fileHandleForReading.availableData, as: UTF8.self) }
        try #require(try await outside(told) == "told\n")
        try await Task.sleep(for: .seconds(1))
        #expect(server.server.processes.count == 1)
        try input.fileHandleForWriting.write(contentsOf: Data("go\n".utf8))
        #expect(try await outside(told) == "ended\n")
        #expect(await eventually { server.server.processes.count == 0 })
        #expect(server.server.connections.count == 1)
    }

    /// Says when it is given something, becomes another program by a line on its input, and says when its stream ends.
    private static let streaming =
        HandmadeHTTP2.python + """
            import os, sys
            path, copy = sys.argv[1:]
            s = socket.socket(socket.AF_UNIX); s.connect(path)
            s.sendall(PREFACE + frame(4, 0, 0) + frame(4, 1, 0)
                + frame(1, 4, 1, call("/SpiffeWorkloadAPI/FetchX509SVID")) + frame(0, 1, 1, bytes(5)))
            reader = '''
            import os, socket, sys
            s = socket.socket(fileno=int(sys.argv[1]))
            def exactly(count):
                data = b""
                while len(data) < count:
                    data += s.recv(count - len(data)) or os._exit(1)
                return data
            def until(kind, flags):
                while True:
                    head = exactly(9)
                    exactly(int.from_bytes(head[:3], "big"))
                    if head[3] == kind and head[4] & flags == flags: return
            '''
            os.set_inheritable(s.fileno(), True)
            kept = s
            exec(reader.replace("sys.argv[1]", str(s.fileno())))
            until(0, 0)
            print("told", flush=True)
            sys.stdin.readline()
            os.execv(copy, [copy, "-c", reader + "until(1, 1); print('ended', flush=True); s.recv(1)", str(s.fileno())])
            """
}
