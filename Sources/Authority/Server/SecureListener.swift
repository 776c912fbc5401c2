internal import GRPCNIOTransportHTTP2
internal import Identity
internal import NIOCore
internal import NIOPosix
internal import SecureTransport

/// Accepts connections: TLS of ours below gRPC's HTTP/2.
struct SecureListener: HTTP2ServerTransport.ListenerFactory {
    let address: NIOCore.SocketAddress
    let identity: TransportIdentity
    let expecting: PeerExpectation
    let alpn: [String]
    let limits: AuthorityLimits
    let admission: AdmissionControl
    let nodes: NodeConnections
    let observe: @Sendable (AuthorityEvent) -> Void

    var eventLoopGroup: any EventLoopGroup { MultiThreadedEventLoopGroup.singleton }

    func makeListeningChannel(
        listenerConfigurator: HTTP2ServerTransport.ListenerConfigurator,
        connectionConfigurator: HTTP2ServerTransport.ConnectionConfigurator
    ) async throws -> NIOAsyncChannel<HTTP2ServerTransport.ConnectionConfigurator.ConnectionChannel, Never> {
        try await ServerBootstrap(group: eventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelInitializer { listenerConfigurator.configure(channel: $0) }
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .bind(to: address) { channel in
                // TLS is ours, so the check of NIO's own handler for ALPN has nothing to look at; ours refuses without it.
                secure(channel).flatMap {
                    connectionConfigurator.configure(channel: channel, tls: .configured(requireALPN: false))
                }
            }
    }

    private func secure(_ channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let gate = AdmissionHandler(admission) { [observe] in observe(.flood(source: $0)) }
            try channel.pipeline.syncOperations.addHandlers(
                gate,
                SecureTransportHandler(role: .server, identity: identity, expecting: expecting, alpn: alpn),
                StrangerLimit(gate, lifetime: limits.anonymousConnection), NodeLimit(nodes, observe),
                RefusalReport(observe))
        }
    }
}

/// Lets a node in, and closes a connection without a client certificate after a while, whatever goes on on it.
private final class StrangerLimit: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let gate: AdmissionHandler
    private let lifetime: TimeAmount
    private var end: Scheduled<Void>?

    init(_ gate: AdmissionHandler, lifetime: Duration) {
        self.gate = gate
        self.lifetime = TimeAmount(lifetime)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch (event as? HandshakeOutcome).map(\.peer) {
        case .some(.some): gate.release()
        case .some(.none):
            let channel = context.channel
            end = context.eventLoop.scheduleTask(in: lifetime) { channel.close(promise: nil) }
        case .none: break
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        end?.cancel()
        context.fireChannelInactive()
    }
}

/// Counts a node's connection, and closes one too many.
private final class NodeLimit: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let nodes: NodeConnections
    private let observe: @Sendable (AuthorityEvent) -> Void
    private var counted: SPIFFEID?

    init(_ nodes: NodeConnections, _ observe: @escaping @Sendable (AuthorityEvent) -> Void) {
        self.nodes = nodes
        self.observe = observe
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let node = (event as? HandshakeOutcome)?.peer?.id { count(node, context) }
        context.fireUserInboundEventTriggered(event)
    }

    private func count(_ node: SPIFFEID, _ context: ChannelHandlerContext) {
        do throws(ConnectionRefusal) {
            try nodes.enter(node)
            counted = node
        } catch {
            observe(.nodeConnectionRefused(node, error))
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if let counted { nodes.leave(counted) }
        counted = nil
        context.fireChannelInactive()
    }
}

/// Tells why connections fail.
private final class RefusalReport: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let observe: @Sendable (AuthorityEvent) -> Void

    init(_ observe: @escaping @Sendable (AuthorityEvent) -> Void) { self.observe = observe }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // How an established connection ended is nobody's fault.
        if let error = error as? SecureTransportError, error != .truncated {
            let (host, port) = (context.remoteAddress?.ipAddress, context.remoteAddress?.port)
            observe(.connectionRefused(peer: host.map { "\($0) port \(port ?? 0)" } ?? "unknown", error))
        }
        context.fireErrorCaught(error)
    }
}
