import AuthorityAPI
import Foundation
import Glibc
import Identity
import KernelTestSupport
import LinuxBinding
import Testing

@testable import WorkloadAPI

/// What real processes are found to be that made themselves look like others.
@Suite(.timeLimit(.minutes(1))) struct CallerTests {
    private static let program = """
        import os, socket, sys, time
        s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
        print(os.getpid(), os.getuid(), flush=True)
        time.sleep(60)
        """
    private static let python = URL(filePath: "/usr/bin/python3").resolvingSymlinksInPath().path
    private static let stranger = ["setpriv", "--reuid=1234", "--regid=33", "--clear-groups"]

    /// Who connects by the words of a command, and what it says of its number and its user.
    private func caller(of server: TestServer, _ words: [String]) async throws -> (Caller, String, RunningProgram) {
        try await caller(of: server, running: words + ["/usr/bin/python3", "-c", Self.program, server.path])
    }

    private func caller(
        of server: TestServer, running words: [String]
    ) async throws -> (Caller, String, RunningProgram) {
        let output = Pipe()
        let program = try RunningProgram(words, output: output.fileHandleForWriting)
        let said = try await outside { String(decoding: output.fileHandleForReading.availableData, as: UTF8.self) }
        #expect(await eventually { server.server.connections.count == 1 })
        return (try #require(server.server.connections.caller(1)), said, program)
    }

    private func accounts(_ server: TestServer, _ caller: Caller) async throws -> [String] {
        try await Attestor(server.identities).entitlement(of: .process(caller)).identities.map {
            String($0.id.path.split(separator: "/").last ?? "")
        }
    }

    /// The first process of a PID namespace has the number 1 there, which here is another's.
    @Test func whoCountsProcessesAnewIsNotTheOneWithItsNumber() async throws {
        let server = try await TestServer()
        let (caller, said, program) = try await caller(
            of: server, ["unshare", "--pid", "--fork", "--kill-child"] + Self.stranger)
        defer { program.end() }
        #expect(said == "1 1234\n" && caller.process.credentials.processID > 1)
        let first = URL(filePath: "/proc/1/exe").resolvingSymlinksInPath().path
        #expect(first != Self.python)
        try server.identities.add("first", [.executablePath(first)])
        try server.identities.add("root", [.userID(0)])
        try server.identities.add("web", [.userID(1234), .executablePath(Self.python)])
        #expect(try await accounts(server, caller) == ["web"])
    }

    /// In a user namespace of its own, anybody may be root.
    @Test func whoIsRootForItselfIsStillItsUser() async throws {
        let server = try await TestServer()
        let (caller, said, program) = try await caller(
            of: server, Self.stranger + ["unshare", "--user", "--map-root-user"])
        defer { program.end() }
        #expect(said.hasSuffix(" 0\n"))
        try server.identities.add("root", [.userID(0)])
        try server.identities.add("roots", [.groupID(0)])
        try server.identities.add("web", [.userID(1234), .groupID(33)])
        #expect(try await accounts(server, caller) == ["web"])
    }

    @Test func eachGroupOfAProcessCanSelect() async throws {
        let server = try await TestServer()
        let (caller, _, program) = try await caller(
            of: server, ["setpriv", "--reuid=1234", "--regid=33", "--groups=4,27"])
        defer { program.end() }
        try server.identities.add("both", [.supplementaryGroupID(4), .supplementaryGroupID(27)])
        try server.identities.add("one", [.supplementaryGroupID(27)])
        try server.identities.add("half", [.supplementaryGroupID(4), .supplementaryGroupID(28)])
        try server.identities.add("main", [.groupID(4)])
        #expect(try await accounts(server, caller) == ["both", "one"])
    }

    /// Makes a socket, and leaves it to a program in a network namespace, which connects it.
    private static let maker = """
        import os, socket, sys
        path, place = sys.argv[1:]
        s = socket.socket(socket.AF_UNIX); os.set_inheritable(s.fileno(), True)
        connect = f"import os, socket, time; s = socket.socket(fileno={s.fileno()}); s.connect('{path}')"
        said = "; print(os.getpid(), os.getuid(), flush=True); time.sleep(60)"
        os.execvp("nsenter", ["nsenter", f"--net={place}", "/usr/bin/python3", "-c", connect + said])
        """

    /// Root of a container is nobody on the host for having got a socket from there, nor is who hands one out in its pod.
    @Test(arguments: [("host", "host", ["host"]), ("pod", "pod", ["pod"]), ("host", "pod", []), ("pod", "host", [])])
    func aSocketOfAnotherPlaceMakesNobodyOfThere(made: String, connected: String, expected: [String]) async throws {
        let server = try await TestServer()
        let pod = try TestPod()
        let places = ["host": "/proc/\(getpid())/ns/net", "pod": pod.path]
        let number = try #require(try RouteSocket().number(of: NetworkNamespace(path: pod.path)))
        let facts = try PodFacts(namespace: "shop", serviceAccount: "web", name: "web-0", labels: [:])
        server.identities.change { $0.pods[number] = KnownPod(facts: facts, svid: nil) }
        try server.identities.add("host", [.userID(0)])
        try server.identities.add("pod", [.namespace("shop")])
        let words = ["nsenter", "--net=\(try #require(places[made]))", "/usr/bin/python3", "-c", Self.maker]
        let (caller, said, program) = try await caller(
            of: server, running: words + [server.path, try #require(places[connected])])
        defer { program.end() }
        #expect(said.hasSuffix(" 0\n"))
        #expect((try? await accounts(server, caller)) ?? [] == expected)
        #expect((caller.place == .elsewhere) == expected.isEmpty)
    }
}
