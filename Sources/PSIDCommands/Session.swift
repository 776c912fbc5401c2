import AdminAPI
import Configuration
import GRPCCore
import GRPCNIOTransportHTTP2
import Glibc
import LinuxBinding
import NIOCore
import NIOPosix
import WorkloadProtocol

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
        let transport = try await Self.connect(to: path, denied: "only root may use the admin socket")
        return try await withGRPCClient(transport: transport) { try await body(Admin($0)) }
    }

    /// Connects to a Workload API, as any workload does.
    func withWorkloadAPI<Result: Sendable>(
        at endpoint: WorkloadEndpoint, _ body: @Sendable (WorkloadEndpoint.Client) async throws -> Result
    ) async throws -> Result {
        guard options.socket == nil else {
            throw CommandFailure(.usage, "--socket is the admin socket: the Workload API's is --endpoint")
        }
        let transport =
            switch endpoint {
            case .socket(let path): try await Self.connect(to: path, denied: "may not be connected to")
            case .address(let address): try await Self.connect(to: address)
            }
        return try await withGRPCClient(transport: transport) { try await body(WorkloadEndpoint.Client(wrapping: $0)) }
    }

    private func socketPath() throws(ConfigurationError) -> String {
        if let socket = options.socket { return socket }
        return try PodshieldConfiguration(path: options.config).paths.adminSocket
    }

    /// A connection of our own for gRPC: it would give up at once while too many wait for the daemon, and tells a missing
    /// daemon and a forbidden one alike.
    ///
    /// - Parameter denied: what is said to who may not connect.
    private static func connect(to path: String, denied: String) async throws -> Admin.Transport {
        do {
            let socket = try UnixSocket.connect(to: path, within: Admin.timeLimit)
            return try await .wrapping(config: configuration) { configure in
                // The channel owns it, also when it cannot be made.
                let descriptor = try socket.descriptor.duplicate()
                return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .withConnectedSocket(descriptor, channelInitializer: configure)
            }
        } catch let error as SystemError {
            throw CommandFailure(connecting: error, to: path, denied: denied)
        }
    }

    private static func connect(to address: NIOCore.SocketAddress) async throws -> Admin.Transport {
        do {
            return try await .wrapping(config: configuration) { configure in
                try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .connectTimeout(TimeAmount(Admin.timeLimit))
                    .connect(to: address, channelInitializer: configure)
            }
        } catch ChannelError.connectTimeout {
            throw CommandFailure(.timedOut, "\(address.text): no answer")
        } catch let error as IOError {
            let reason = SystemError(operation: "connect", code: error.errnoCode).reason
            throw CommandFailure(.notReachable, "\(address.text): \(reason)")
        }
    }

    /// Workload APIs of other makes answer nobody who does not name them.
    private static var configuration: Admin.Transport.Config { .defaults { $0.http2.authority = "localhost" } }
}

extension NIOCore.SocketAddress {
    /// As it was given.
    fileprivate var text: String {
        let host = ipAddress ?? ""
        return "tcp://\(host.contains(":") ? "[\(host)]" : host):\(port ?? 0)"
    }
}

extension CommandFailure {
    fileprivate init(connecting error: SystemError, to path: String, denied: String) {
        switch error.code {
        case EACCES, EPERM: self.init(.denied, "\(path): \(denied)")
        case ENAMETOOLONG: self.init(.usage, "\(path): too long for a socket")
        case EAGAIN: self.init(.timedOut, "\(path): podshield-idd has not accepted the connection in time")
        default: self.init(.notReachable, "\(path): \(error.reason); does podshield-idd run?")
        }
    }
}

/// The daemon.
struct Admin: Sendable {
    typealias Transport = HTTP2ClientTransport.WrappedChannel
    typealias Client = Podshield_Admin_V1_Admin.Client<Transport>

    let client: Client

    init(_ client: GRPCClient<Transport>) { self.client = Client(wrapping: client) }

    /// Of connecting, and of calls with one answer.
    static let timeLimit = Duration.seconds(60)

    static let options = options(within: timeLimit)

    static func options(within limit: Duration?) -> CallOptions {
        var options = CallOptions.defaults
        options.timeout = limit
        options.waitForReady = false
        options.maxResponseMessageBytes = 64 << 20
        return options
    }
}
