import AdminAPI
import Foundation
import KernelTestSupport
import NIOCore
import NIOPosix
import PSIDCommands
import Testing

@Suite struct ProgramTests {
    @Test(arguments: [
        (AdminErrorReason.notFound, Status.notFound), (.alreadyExists, .failure), (.invalid, .failure),
        (.denied, .denied), (.precondition, .failure), (.unavailable, .failure), (.timedOut, .timedOut),
        (.exhausted, .failure), (.internal, .failure),
    ])
    func reasonsOfTheDaemon(_ reason: AdminErrorReason, _ status: Status) async throws {
        let daemon = FakeDaemon { $0.error = AdminError(reason, "because of\nthat") }
        let outcome = try await psid("node", "list", to: daemon)
        #expect(outcome.status == status)
        #expect(outcome.output == "" && outcome.messages == "psid: because of\npsid: that\n")
    }

    @Test func messagesAreMadePrintable() async throws {
        let daemon = FakeDaemon {
            $0.error = AdminError(.notFound, "no pod \u{1b}[31m", nearest: ["\u{9b}x"])
        }
        let outcome = try await psid("node", "list", to: daemon)
        #expect(outcome.messages == "psid: no pod \\u{1B}[31m; did you mean \\u{009B}x?\n")
    }

    @Test func nobodyAtTheSocket() async {
        let outcome = await psid(["--socket", "/nonexistent/s", "status"])
        #expect(outcome.status == .notReachable && outcome.output == "")
        #expect(outcome.messages == "psid: /nonexistent/s: No such file or directory; does podshield-idd run?\n")
    }

    @Test func aSocketThatWasLeftBehind() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/s"
        try Command.run("python3", "-c", "import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])", path)
        let outcome = await psid(["--socket", path, "status"])
        #expect(outcome.status == .notReachable)
        #expect(outcome.messages == "psid: \(path): Connection refused; does podshield-idd run?\n")
    }

    /// It takes connections and closes them.
    @Test(.timeLimit(.minutes(1))) func somethingElseAtTheSocket() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/s"
        let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { $0.close() }.bind(unixDomainSocketPath: path).get()
        let outcome = await psid(["--socket", path, "status"])
        try await server.close()
        #expect(outcome.status == .notReachable, "\(outcome.messages)")
    }

    @Test func aNameTooLongForASocket() async {
        let outcome = await psid(["--socket", "/" + String(repeating: "x", count: 200), "status"])
        #expect(outcome.status == .usage)
    }

    @Test func theSocketIsFoundThroughTheConfiguration() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/config.yaml"
        let text = """
            trust-domain: example.org
            protected: [10.42.0.0/16]
            node: {name: node-a, address: 192.0.2.11}
            paths: {run: \(directory.path)/run}
            """
        try Data(text.utf8).write(to: URL(filePath: path))
        for arguments in [["--config", path, "status"], ["status", "--config", path]] {
            let outcome = await psid(arguments)
            #expect(outcome.status == .notReachable)
            #expect(outcome.messages.hasPrefix("psid: \(directory.path)/run/admin.sock: No such file"))
        }
    }

    @Test(arguments: [
        ["stauts"], ["pod", "add"], ["pod", "add", "x"], ["pod", "add", "x", "--netns", "n", "--label", "app"],
        ["pod", "add", "x", "--netns", "n", "--label", "a=b", "--label", "a=c"],
        ["pod", "add", "x", "--netns", "n", "--label", "=b"],
        ["issue"], ["entry", "create", "--spiffe-id", "spiffe://a/b"], ["entry", "create", "--label", "a=b"],
        ["status", "-o", "yaml"], ["status", "--timeout", "0"], ["status", "--timeout", "x"],
        ["token", "generate", "--ttl", "0"],
        ["observe", "--verdict", "lost"], ["observe", "--last", "-1"], ["pod", "remove"], ["entry", "delete"],
        ["status", "extra"],
    ])
    func commandLinesThatMakeNoSense(_ arguments: [String]) async {
        let outcome = await psid(arguments)
        #expect(outcome.status == .usage && outcome.output == "")
        #expect(outcome.messages.hasPrefix("Error: ") && outcome.messages.contains("Usage: psid"))
    }

    @Test(arguments: [["--help"], ["help", "pod"], ["pod", "--help"], ["pod"], ["--version"], ["status", "-h"]])
    func helpIsOutput(_ arguments: [String]) async {
        let outcome = await psid(arguments)
        #expect(outcome.status == .success && outcome.messages == "" && !outcome.output.isEmpty)
    }
}

@Suite struct ConfigTests {
    private let directory: TemporaryDirectory
    private var path: String { directory.path + "/config.yaml" }

    init() throws { directory = try TemporaryDirectory() }

    private func write(_ text: String) throws { try Data(text.utf8).write(to: URL(filePath: path)) }

    private static let good = "trust-domain: a\nprotected: [10.0.0.0/8]\nnode: {name: n, address: 192.0.2.1}\n"

    @Test func aGoodFile() async throws {
        try write(Self.good)
        for arguments in [["config", "validate", path], ["--config", path, "config", "validate"]] {
            let outcome = await psid(arguments)
            #expect(outcome.status == .success && outcome.output == "\(path): good\n" && outcome.messages == "")
        }
    }

    @Test func everythingThatIsWrong() async throws {
        try write(Self.good + "rol: node\nlink: {preconnect: maybe}\n")
        let outcome = await psid(["config", "validate", path])
        #expect(outcome.status == .badConfiguration && outcome.output == "")
        #expect(
            outcome.messages == """
                psid: \(path):4:1: 'rol' is no key; did you mean role?
                psid: \(path):5:20: link.preconnect: 'maybe' is not true or false

                """)
    }

    @Test func asJSON() async throws {
        try write("role: x\n" + Self.good.replacing("name: n, ", with: ""))
        let outcome = await psid(["config", "validate", path, "-o", "json"])
        #expect(outcome.status == .badConfiguration && outcome.messages == "")
        #expect(
            outcome.output == """
                {
                  "file" : "\(path)",
                  "problems" : [
                    {
                      "message" : "node.name: is missing"
                    },
                    {
                      "column" : 7,
                      "line" : 1,
                      "message" : "role: 'x' is not standalone, authority or node"
                    }
                  ],
                  "schema" : 1,
                  "valid" : false
                }

                """)
    }

    @Test func otherCommandsSayTheSame() async {
        let outcome = await psid(["--config", path, "status"])
        #expect(outcome.status == .badConfiguration)
        #expect(outcome.messages == "psid: \(path): cannot be read: No such file or directory\n")
    }
}
