import AuthorityAPI
import Foundation
import GRPCCore
import Glibc
import Identity
import KernelTestSupport
import LinuxBinding
import Testing
import WorkloadProtocol

@testable import WorkloadAPI

/// Connections of other processes.
@Suite(.timeLimit(.minutes(1))) struct ConnectionTests {
    /// Opens so many connections as a user, waits until the server has closed as many as are expected, says how many it has
    /// closed a moment later, and stays.
    private static let crowd = """
        import os, socket, sys, time
        path, user, count, expected = sys.argv[1], *map(int, sys.argv[2:])
        os.setgid(user); os.setuid(user)
        sockets = []
        for _ in range(count):
            s = socket.socket(socket.AF_UNIX); s.connect(path); s.setblocking(False); sockets.append(s)
        def is_closed(s):
            try:
                while s.recv(4096): pass
                return True
            except BlockingIOError: return False
            except ConnectionResetError: return True
        deadline = time.monotonic() + 20
        while sum(map(is_closed, sockets)) < expected and time.monotonic() < deadline: time.sleep(0.05)
        time.sleep(0.3)
        print(sum(map(is_closed, sockets)), flush=True)
        time.sleep(60)
        """

    private func crowd(_ server: TestServer, user: Int, _ count: Int, closing: Int) throws -> (RunningProgram, Pipe) {
        let output = Pipe()
        let words = ["python3", "-c", Self.crowd, server.path, "\(user)", "\(count)", "\(closing)"]
        return (try RunningProgram(words, output: output.fileHandleForWriting), output)
    }

    private func closed(_ output: Pipe) async -> Int? { Int(await text(output)) }

    /// The next line that a program prints. Waits on a thread that the server does not need.
    private func text(_ output: Pipe) async -> String {
        let data = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(returning: output.fileHandleForReading.availableData)
            }
        }
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test func aThousandConnectionsOfOneUserKeepNobodyOut() async throws {
        var limits = WorkloadAPILimits()
        // Each takes two of this process's descriptors.
        limits.connectionsPerSource = 64
        let server = try await TestServer(limits: limits)
        try server.identities.add("web", [.userID(geteuid())])
        let tooMany = 1000 - limits.connectionsPerSource
        let (process, output) = try crowd(server, user: 4711, 1000, closing: tooMany)
        defer { process.end() }
        #expect(await closed(output) == tooMany)
        #expect(server.told.all == ["user 4711"])
        let count = try await server.withClient { client in
            try await client.svids()?.svids.count
        }
        #expect(count == 1)
    }

    /// Who comes has a place, whoever was there before without an identity.
    @Test func allTogetherHaveALimit() async throws {
        var limits = WorkloadAPILimits()
        limits.places = 5
        let server = try await TestServer(limits: limits)
        let (first, firstOutput) = try crowd(server, user: 4711, 3, closing: 0)
        defer { first.end() }
        #expect(await closed(firstOutput) == 0)
        let (second, secondOutput) = try crowd(server, user: 4712, 3, closing: 0)
        defer { second.end() }
        #expect(await closed(secondOutput) == 0)
        #expect(server.server.connections.placesTaken == 5)
        #expect(server.told.all.count == 1 && server.told.all[0].hasPrefix("user 4712"))
    }

    /// Users without number, each of which has few connections that call what needs no identity, or begin a call and never say what
    /// it is about: they are as many as there are places for, come again as soon as they are closed, and keep nobody out.
    @Test func usersWithoutNumberKeepNobodyOut() async throws {
        var limits = WorkloadAPILimits()
        limits.places = 2048
        let most = limits.places
        let server = try await TestServer(limits: limits)
        try server.identities.add("web", [.userID(geteuid())])
        let crowd = try RunningProgram(["python3", "-c", Self.strangers, server.path])
        defer { crowd.end() }
        try await server.withClient { held in
            try await held.fetchX509SVID(.init(), metadata: secured) { response in
                var messages = response.messages.makeAsyncIterator()
                #expect(try await messages.next()?.svids.count == 1)
                #expect(await eventually { server.server.connections.placesTaken > most - 20 })
                for _ in 0..<20 {
                    #expect(server.server.connections.placesTaken <= most)
                    // Who is slow in the crowd is closed and comes again, as clients do.
                    var count: Int?
                    for _ in 0..<5 where count == nil {
                        count = try? await server.withClient { try await $0.svids()?.svids.count }
                    }
                    #expect(count == 1)
                }
                try server.identities.add("second", [.userID(geteuid())])
                #expect(try await messages.next()?.svids.count == 2)
            }
        }
        #expect(server.told.all.count < 5, "\(server.told.all)")
    }

    /// From a thousand users one after the other, who stay.
    private static let strangers =
        HandmadeHTTP2.python + """
            import itertools, os, sys, time
            paths = ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/SpiffeWorkloadAPI/FetchJWTSVID",
                "/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets")
            beginning = PREFACE + frame(4, 0, 0)
            calls = b"".join(frame(1, 4, 2 * n + 1, call(paths[n % len(paths)])) for n in range(8))
            held = []
            for user in itertools.cycle(range(100000, 101000)):
                os.seteuid(user)
                s = socket.socket(socket.AF_UNIX)
                try:
                    s.connect(sys.argv[1]); s.sendall(beginning + calls); s.setblocking(False)
                except OSError: pass
                os.seteuid(0)
                held = held[-400:] + [s]
                # Who comes faster than anybody can be let in fills the kernel's queue, which nobody else shares out.
                time.sleep(0.02)
            """

    @Test func callsHaveALimitOfTheirOwn() async throws {
        var limits = WorkloadAPILimits()
        // A connection and two calls.
        limits.placesPerSource = 3
        let server = try await TestServer(limits: limits)
        try server.identities.add("web", [.userID(geteuid())])
        try await server.withClient { client in
            try await client.fetchX509SVID(.init(), metadata: secured) { first in
                var messages = first.messages.makeAsyncIterator()
                #expect(try await messages.next()?.svids.count == 1)
                try await client.fetchX509Bundles(.init(), metadata: secured) { second in
                    let bundles = try await second.messages.first { _ in true }
                    #expect(bundles != nil)
                    #expect(await status { _ = try await client.svids() } == .unavailable)
                }
                try server.identities.add("second", [.userID(geteuid())])
                #expect(try await messages.next()?.svids.count == 2)
            }
            // What has ended is given back.
            #expect(await eventually { server.server.connections.placesTaken == 1 })
            #expect(try await client.svids()?.svids.count == 2)
        }
        #expect(server.told.all == ["user 0"] || server.told.all.allSatisfy { $0.hasPrefix("user 0 in ") })
        #expect(await eventually { server.server.connections.placesTaken == 0 })
    }

    /// Its number may be another's the next moment.
    @Test func aConnectionEndsWithItsCaller() async throws {
        let server = try await TestServer()
        let (process, output) = try crowd(server, user: 4711, 20, closing: 0)
        #expect(await closed(output) == 0)
        #expect(await eventually { server.server.connections.count == 20 })
        process.end()
        #expect(await eventually { server.server.connections.count == 0 })
    }

    /// A connection that somebody else holds on to, too, is its maker's, and ends with that.
    @Test func aConnectionThatIsPassedOnEndsWithItsMaker() async throws {
        let server = try await TestServer()
        let script = """
            import os, socket, sys, time
            s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
            if os.fork() == 0:
                s.settimeout(20)
                while s.recv(4096): pass
                print("closed", flush=True); os._exit(0)
            time.sleep(0.3); os._exit(0)
            """
        let output = Pipe()
        let maker = try RunningProgram(["python3", "-c", script, server.path], output: output.fileHandleForWriting)
        #expect(await text(output) == "closed")
        withExtendedLifetime(maker) {}
        #expect(await eventually { server.server.connections.count == 0 })
    }

    /// One that becomes another program is another workload: what is sent next is for what it is now.
    @Test func aConnectionKeptOverExecIsTheNewPrograms() async throws {
        let server = try await TestServer()
        let script = """
            import os, socket, sys, time
            s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); os.set_inheritable(s.fileno(), True)
            print("connected", flush=True); sys.stdin.readline()
            os.execv("/usr/bin/sleep", ["sleep", "60"])
            """
        let (input, output) = (Pipe(), Pipe())
        let client = try RunningProgram(
            ["python3", "-c", script, server.path], input: input.fileHandleForReading,
            output: output.fileHandleForWriting)
        defer { withExtendedLifetime(client) {} }
        #expect(await text(output) == "connected")
        #expect(await eventually { server.server.connections.count == 1 })
        let caller = try #require(server.server.connections.caller(1))
        let python = try #require(try caller.process.executable().path)
        try server.identities.add("python", [.executablePath(python)])
        let attestor = Attestor(server.identities)
        #expect(try await attestor.entitlement(of: .process(caller)).identities.count == 1)
        try input.fileHandleForWriting.write(contentsOf: Data("go\n".utf8))
        #expect(await eventually { (try? caller.process.executable().path) != python })
        await #expect(throws: Denial.noIdentity) { try await attestor.entitlement(of: .process(caller)) }
        #expect(server.server.connections.count == 1)
    }

    /// E-1: everybody may connect, and nobody else may put something in its place.
    @Test func theSocketIsForAll() async throws {
        let directory = try TemporaryDirectory()
        let place = directory.path + "/agent"
        try PublicSocket.prepareDirectory("agent", in: directory.path)
        let server = try WorkloadAPIServer(
            socket: .own(path: place + "/api.sock"), identities: TestIdentities(), refused: { _ in },
            withheld: { _ in }, rejected: { _, _ in })
        let running = Task { try await server.run() }
        #expect(await server.isListening)
        for (path, mode) in [(directory.path, 0o711), (place, 0o755), (place + "/api.sock", 0o777)] {
            let found = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(found == mode)
        }
        server.stop()
        try await running.value
    }
}
