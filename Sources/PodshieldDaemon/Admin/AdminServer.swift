import Configuration
import GRPCCore
import GRPCNIOTransportHTTP2
import NIOCore
import Telemetry

/// Serves the admin socket.
struct AdminServer: Sendable {
    typealias Transport = HTTP2ServerTransport.Custom<AdminListener>

    private let server: GRPCServer<Transport>

    /// Returns once psid can connect.
    static func start(_ service: AdminService) async throws(StartError) -> AdminServer {
        let daemon = service.daemon
        let listener = AdminListener(
            socket: daemon.sockets.admin, refused: { daemon.reports.record(.adminRefused(user: $0)) },
            crowded: { daemon.telemetry.record(.adminCrowded(most: AdminListener.mostConnections)) })
        let transport = Transport(listenerFactory: listener, config: configuration(idle: idle))
        let server = GRPCServer(transport: transport, services: [service])
        try await daemon.serve(
            "the admin socket", at: "the admin socket \(daemon.configuration.paths.adminSocket)",
            { try await server.serve() }, isListening: { await transport.listeningAddress != nil })
        return AdminServer(server: server)
    }

    /// How long a connection without a call stays open: programs of operators' that are forgotten would else take all there are.
    private static let idle = Duration.seconds(300)

    static func configuration(idle: Duration) -> Transport.Config {
        var configuration = Transport.Config.defaults
        configuration.http2.maxConcurrentStreams = 64
        configuration.rpc.maxRequestPayloadSize = 1 << 20
        configuration.connection.maxIdleTime = idle
        configuration.connection.maxGraceTime = .seconds(1)
        configuration.channelDebuggingCallbacks.onAcceptHTTP2Stream = { AdminCaller.stamp($0) }
        return configuration
    }

    /// No new calls; those under way have a second.
    func stop() { server.beginGracefulShutdown() }
}
