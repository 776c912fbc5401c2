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
        let output = Pipe()
        let program = try RunningProgram(
            words + ["/usr/bin/python3", "-c", Self.program, server.path], output: output.fileHandleForWriting)
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
}
