import GRPCNIOTransportHTTP2
import Glibc
import LinuxBinding
import NIOCore
import NIOPosix
import SecureTransport

/// Accepts connections on the admin socket, of root and of the daemon's own user only. The directory's mode keeps others
/// out already; this holds where somebody has opened it.
struct AdminListener: HTTP2ServerTransport.ListenerFactory {
    let socket: ListeningSocket
    /// Is told the user.
    let refused: @Sendable (UInt32) -> Void
    /// Is told that one was closed because there are `mostConnections`.
    let crowded: @Sendable () -> Void
    private let connections = ConnectionCount()

    /// At once. Many times what operators and scripts need; each costs the daemon a descriptor.
    static let mostConnections = 256

    var eventLoopGroup: any EventLoopGroup { MultiThreadedEventLoopGroup.singleton }

    func makeListeningChannel(
        listenerConfigurator: HTTP2ServerTransport.ListenerConfigurator,
        connectionConfigurator: HTTP2ServerTransport.ConnectionConfigurator
    ) async throws -> NIOAsyncChannel<HTTP2ServerTransport.ConnectionConfigurator.ConnectionChannel, Never> {
        let bootstrap = ServerBootstrap(group: eventLoopGroup)
            // Of a socket of ours; how many wait at systemd's, its unit says.
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelInitializer { listenerConfigurator.configure(channel: $0) }
        let accept = { @Sendable (channel: any Channel) in
            let admission = admit(channel)
            // Nobody else closes what is not configured.
            admission.whenFailure { _ in channel.close(promise: nil) }
            return admission.flatMap { connectionConfigurator.configure(channel: channel, tls: .none) }
        }
        switch socket {
        case .own(let path):
            // What lies there is of a daemon that has ended: we hold its lock.
            return try await bootstrap.bind(
                unixDomainSocketPath: path, cleanupExistingSocketFile: true, childChannelInitializer: accept)
        case .passed(let descriptor):
            return try await bootstrap.bind(descriptor, childChannelInitializer: accept)
        }
    }

    private func admit(_ channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            let credentials = try pipeline.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { handle in
                try PeerCredentials(ofSocket: handle)
            }
            guard let user = credentials?.userID else { throw ChannelError.operationUnsupported }
            guard user == 0 || user == geteuid() else {
                refused(user)
                throw ChannelError.operationUnsupported
            }
            try count(channel)
            try pipeline.addHandler(AdminCaller(user: user))
        }
    }

    private func count(_ channel: any Channel) throws {
        channel.closeFuture.whenComplete { [connections] _ in connections.leave() }
        guard connections.enter() <= Self.mostConnections else {
            crowded()
            throw ChannelError.operationUnsupported
        }
    }
}
