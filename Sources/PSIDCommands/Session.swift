import AdminAPI
import Configuration
import GRPCCore
import GRPCNIOTransportHTTP2
import Glibc
import LinuxBinding

/// One run of psid: where it speaks, and to whom.
struct Session: Sendable {
    let options: GlobalOptions
    let console: Console
    /// Turns this process into podshield-idd with these arguments.
    let becomeDaemon: @Sendable (_ arguments: [String]) throws(SystemError) -> Void

    var isJSON: Bool { options.output == .json }

    /// Connects to the daemon for as long as the closure runs.
    func withAdmin<Result: Sendable>(
        _ body: @Sendable (Admin) async throws -> Result
    ) async throws -> Result {
        let path = try socketPath()
        try checkSocket(path)
        let transport = try HTTP2ClientTransport.Posix(
            target: .unixDomainSocket(path: path), transportSecurity: .plaintext)
        return try await withGRPCClient(transport: transport) { try await body(Admin($0)) }
    }

    private func socketPath() throws(ConfigurationError) -> String {
        if let socket = options.socket { return socket }
        return try PodshieldConfiguration(path: options.config).paths.adminSocket
    }

    /// gRPC tells a missing daemon and a forbidden one alike, and in many words.
    private func checkSocket(_ path: String) throws(CommandFailure) {
        do throws(SystemError) {
            _ = try UnixSocket.connect(to: path)
        } catch {
            switch error.code {
            case EACCES, EPERM: throw CommandFailure(.denied, "\(path): only root may use the admin socket")
            case ENAMETOOLONG: throw CommandFailure(.usage, "\(path): too long for a socket")
            default: throw CommandFailure(.notReachable, "\(path): \(error.reason); does podshield-idd run?")
            }
        }
    }
}

/// The daemon.
struct Admin: Sendable {
    typealias Client = Podshield_Admin_V1_Admin.Client<HTTP2ClientTransport.Posix>

    let client: Client

    init(_ client: GRPCClient<HTTP2ClientTransport.Posix>) { self.client = Client(wrapping: client) }

    /// For calls with one answer.
    static let options = options(within: .seconds(60))

    static func options(within limit: Duration?) -> CallOptions {
        var options = CallOptions.defaults
        options.timeout = limit
        options.waitForReady = false
        options.maxResponseMessageBytes = 64 << 20
        return options
    }
}
