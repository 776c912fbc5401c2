import AdminAPI
import GRPCCore
import GRPCNIOTransportHTTP2
import KernelTestSupport
import LinuxBinding
import PSIDCommands
import Synchronization

/// Testing has an `ExitStatus` of its own.
typealias Status = PSIDCommands.ExitStatus

/// What a run of psid left behind.
struct Outcome: Sendable {
    var status = Status.success
    var output = ""
    var messages = ""
    /// The arguments with which podshield-idd would have been started.
    var becameDaemon: [String]?
}

/// Runs psid as it is.
func psid(_ arguments: [String], hasColours: Bool = false) async -> Outcome {
    let outcome = Mutex(Outcome())
    let console = Console(
        output: { text in outcome.withLock { $0.output += text } },
        message: { text in outcome.withLock { $0.messages += text } }, hasColours: hasColours)
    let status = await Program.run(arguments, console: console) { arguments throws(SystemError) in
        outcome.withLock { $0.becameDaemon = arguments }
    }
    return outcome.withLock { outcome in
        outcome.status = status
        return outcome
    }
}

/// Runs psid against a daemon.
func psid(_ arguments: String..., to daemon: FakeDaemon, hasColours: Bool = false) async throws -> Outcome {
    try await psid(arguments, to: daemon, hasColours: hasColours)
}

func psid(_ arguments: [String], to daemon: FakeDaemon, hasColours: Bool = false) async throws -> Outcome {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/admin.sock"
    let transport = HTTP2ServerTransport.Posix(
        address: .unixDomainSocket(path: path), transportSecurity: .plaintext)
    return try await withGRPCServer(transport: transport, services: [daemon]) { server in
        _ = try await server.listeningAddress
        let outcome = await psid(["--socket", path] + arguments, hasColours: hasColours)
        _ = directory
        return outcome
    }
}

extension FakeDaemon {
    /// With some answers set.
    convenience init(_ set: (inout Answers) -> Void) {
        var answers = Answers()
        set(&answers)
        self.init(answers)
    }
}
