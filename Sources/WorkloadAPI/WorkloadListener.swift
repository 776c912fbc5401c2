internal import GRPCNIOTransportHTTP2
internal import LinuxBinding
internal import NIOCore
internal import NIOPosix

/// Accepts connections of whoever can be told who it is, within the limits, and closes each with its caller's end.
struct WorkloadListener: HTTP2ServerTransport.ListenerFactory {
    let socket: ListeningSocket
    let inspection: CallerInspection
    let connections: Connections
    let limits: WorkloadAPILimits

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
            admit(channel).flatMap { connectionConfigurator.configure(channel: channel, tls: .none) }
        }
        switch socket {
        case .own(let path):
            let listening = try await bootstrap.bind(
                unixDomainSocketPath: path, cleanupExistingSocketFile: true, childChannelInitializer: accept)
            try PublicSocket.open(path)
            return listening
        case .passed(let descriptor):
            // While no daemon ran, the number of who has ended may have gone to another.
            if !PeerProcess.isHeldByTheKernel { _ = try ListeningSocket.turnAwayWaiting(at: descriptor) }
            return try await bootstrap.bind(descriptor, childChannelInitializer: accept)
        }
    }

    private func admit(_ channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            let caller = try pipeline.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { handle in
                try inspection.caller(ofSocket: handle)
            }
            guard let caller else { throw ChannelError.operationUnsupported }
            guard let number = connections.admit(caller, close: { channel.close(promise: nil) }) else {
                throw ChannelError.operationUnsupported
            }
            let calls = ConnectionStamp.Calls(
                begin: { connections.beginCall(number) }, end: { connections.endCall(number) })
            try pipeline.addHandler(ConnectionStamp(number, patience: limits.firstCall, calls: calls))
            let watch = caller.process.onExit { channel.close(promise: nil) }
            channel.closeFuture.whenComplete { _ in
                withExtendedLifetime(watch) { connections.remove(number) }
            }
        }.flatMapErrorThrowing { error in
            // Nobody else closes a channel that was never set up.
            channel.close(promise: nil)
            throw error
        }
    }
}
