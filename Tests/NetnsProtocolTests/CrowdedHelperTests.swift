import Foundation
import KernelTestSupport
import NetnsProtocol
import Testing

/// Where systemd has no room for a connection, it closes it unheard.
@Suite(.timeLimit(.minutes(5))) struct CrowdedHelperTests {
    private let directory: TemporaryDirectory
    private let helper: NetnsHelper
    private let request: PodNetworkRequest

    init() throws {
        directory = try TemporaryDirectory()
        helper = .socket(path: directory.path + "/socket")
        request = PodNetworkRequest(namespace: try #require(NamespacePath("/run/netns/a")), mtu: 1400)
    }

    /// As systemd with `MaxConnections=`: those beyond it are closed at once, and so are the first ones. An answer says how many
    /// were heard at a time at most, and how many have been closed.
    /// Other tests ask at the same time, and are of the eight.
    private static let script = """
        import json, socket, sys, threading, time
        most, closing = int(sys.argv[2]), int(sys.argv[3])
        heard, peak, closed, lock = 0, 0, 0, threading.Lock()
        def answer(connection):
            global heard
            connection.makefile().readline()
            time.sleep(0.05)
            reply = {"hostIfindex": peak, "podIfindex": closed, "podName": "eth0", "podMac": "02:00:00:00:00:01",
                     "addresses": ["10.0.0.1"], "mtu": 1500}
            with lock: heard -= 1
            connection.sendall(json.dumps(reply).encode() + bytes([10]))
            connection.close()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(sys.argv[1])
        listener.listen(128)
        while True:
            connection, _ = listener.accept()
            with lock:
                has_room = closed >= closing and heard < most
                heard, closed = heard + has_room, closed + (not has_room)
                peak = max(peak, heard)
            if has_room: threading.Thread(target=answer, args=[connection], daemon=True).start()
            else: connection.close()
        """

    private func serve(most: Int, closing: Int = 0) async throws -> RunningProgram {
        let path = directory.path + "/socket"
        let program = try RunningProgram(["/usr/bin/python3", "-c", Self.script, path, "\(most)", "\(closing)"])
        // The name is there a moment before somebody listens.
        while !(try Command.run("ss", "-Hxl", "src", path)).contains(path) {
            try await Task.sleep(for: .milliseconds(10))
        }
        return program
    }

    /// - Returns: how many were heard at a time at most, how many closed, by the last answer.
    private func askTogether(_ count: Int) async throws -> (peak: UInt32, closed: UInt32) {
        try await withThrowingTaskGroup(of: PodInterface.self) { group in
            for _ in 0..<count { group.addTask { try await helper.prepare(request) } }
            var counts: (peak: UInt32, closed: UInt32) = (0, 0)
            for try await pod in group {
                counts = (max(counts.peak, pod.hostIfindex), max(counts.closed, pod.podIfindex))
            }
            return counts
        }
    }

    @Test func manyPodsAtOnceAreAskedForInTurn() async throws {
        let server = try await serve(most: 16)
        defer { server.end() }
        let counts = try await askTogether(50)
        #expect((2...8).contains(counts.peak) && counts.closed == 0)
    }

    @Test func whatIsClosedUnheardIsTriedAgain() async throws {
        let server = try await serve(most: 5, closing: 3)
        defer { server.end() }
        let counts = try await askTogether(50)
        #expect(counts.peak <= 5 && counts.closed >= 3)
    }

    @Test func notForEver() async throws {
        let server = try await serve(most: 0)
        defer { server.end() }
        let error = await #expect(throws: PodNetworkError.self) { try await helper.prepare(request) }
        #expect(error?.code == .noAnswer)
        #expect(error?.message.hasPrefix("the helper closed the connection") == true)
    }

    /// All tries together have the time of one.
    @Test func norForLongerThanIsAllowed() async throws {
        let server = try await serve(most: 0)
        defer { server.end() }
        let start = ContinuousClock.now
        await #expect(throws: PodNetworkError.self) { try await helper.prepare(request, limit: .milliseconds(300)) }
        #expect(ContinuousClock.now - start < .seconds(8))
    }
}
