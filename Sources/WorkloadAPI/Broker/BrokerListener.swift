internal import Addressing
internal import GRPCNIOTransportHTTP2
internal import Identity
internal import LinuxBinding
internal import NIOCore
internal import NIOPosix
internal import SecureTransport

/// Accepts connections of brokers: TLS of ours below gRPC's HTTP/2.
struct BrokerListener: HTTP2ServerTransport.ListenerFactory {
    let place: BrokerServer.Place
    let identity: TransportIdentity
    let brokers: Set<SPIFFEID>
    let connections: BrokerConnections
    let limits: BrokerLimits
    let observe: @Sendable (BrokerEvent) -> Void
    private let admission: AdmissionControl

    init(
        _ place: BrokerServer.Place, _ identity: TransportIdentity, _ brokers: Set<SPIFFEID>,
        _ connections: BrokerConnections, _ limits: BrokerLimits, _ observe: @escaping @Sendable (BrokerEvent) -> Void
    ) {
        self.place = place
        self.identity = identity
        self.brokers = brokers
        self.connections = connections
        self.limits = limits
        self.observe = observe
        admission = AdmissionControl(limits.admission)
    }

    var eventLoopGroup: any EventLoopGroup { MultiThreadedEventLoopGroup.singleton }

    func makeListeningChannel(
        listenerConfigurator: HTTP2ServerTransport.ListenerConfigurator,
        connectionConfigurator: HTTP2ServerTransport.ConnectionConfigurator
    ) async throws -> NIOAsyncChannel<HTTP2ServerTransport.ConnectionConfigurator.ConnectionChannel, Never> {
        let bootstrap = ServerBootstrap(group: eventLoopGroup)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelInitializer { listenerConfigurator.configure(channel: $0) }
        let accept = { @Sendable (channel: any Channel) in
            // TLS is ours, so the check of NIO's own handler for ALPN has nothing to look at; ours refuses without it.
            secure(channel).flatMap {
                connectionConfigurator.configure(channel: channel, tls: .configured(requireALPN: false))
            }
        }
        switch place {
        case .socket(let path):
            let listening = try await bootstrap.bind(
                unixDomainSocketPath: path, cleanupExistingSocketFile: true, childChannelInitializer: accept)
            try GroupSocket.open(path)
            return listening
        case .address(let address, let port):
            return try await bootstrap.serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .bind(
                    to: SocketAddress(ipAddress: address.description, port: Int(port)), childChannelInitializer: accept)
        }
    }

    private func secure(_ channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            let peer = try peer(of: channel)
            let gate = AdmissionHandler(admission, user: peer.user) { [observe] in observe(.flood(source: $0)) }
            let transport = SecureTransportHandler(
                role: .server, identity: identity, expecting: expectation, alpn: ["h2"],
                handshakeTimeout: TimeAmount(limits.handshake))
            // By then gRPC has asked, and who is there has answered.
            let silence = IdleStateHandler(readTimeout: TimeAmount(limits.silence * 2))
            try channel.pipeline.syncOperations.addHandlers(
                gate, transport, silence, BrokerGate(gate, connections, limits, peer.origin, observe))
        }
    }

    /// Who connects by the socket is on this node, and its SVID was issued to this node; by TCP, it may be anywhere.
    private var expectation: PeerExpectation {
        switch place {
        case .socket: .workload(anyOf: brokers, isOfOwnNode: true)
        case .address: .workload(anyOf: brokers, isOfOwnNode: false)
        }
    }

    /// Where a broker is, and whose, where the connection says so.
    private func peer(of channel: any Channel) throws -> (origin: Broker.Origin, user: UInt32?) {
        guard case .socket = place else { return (.network, nil) }
        let peer = try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
            let countsAsWeDo = try? PeerProcess(ofSocket: $0).countsAsWeDo()
            return (countsAsWeDo == true, try PeerCredentials(ofSocket: $0).userID)
        }
        guard let peer else { throw ChannelError.operationUnsupported }
        return (peer.0 ? .node : .otherNamespace, peer.1)
    }
}

/// Lets a broker in whose handshake is complete, and tells why a connection was refused.
private final class BrokerGate: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let gate: AdmissionHandler
    private let connections: BrokerConnections
    private let limits: BrokerLimits
    private let origin: Broker.Origin
    private let observe: @Sendable (BrokerEvent) -> Void
    private var number: UInt64?
    private var expiry: Scheduled<Void>?

    init(
        _ gate: AdmissionHandler, _ connections: BrokerConnections, _ limits: BrokerLimits, _ origin: Broker.Origin,
        _ observe: @escaping @Sendable (BrokerEvent) -> Void
    ) {
        self.gate = gate
        self.connections = connections
        self.limits = limits
        self.origin = origin
        self.observe = observe
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let svid = (event as? HandshakeOutcome)?.peer { admit(svid, context) }
        // gRPC gives up such a connection, too, but waits for its peer to say that it has heard.
        if event is IdleStateHandler.IdleStateEvent, number != nil { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    private func admit(_ svid: X509SVID, _ context: ChannelHandlerContext) {
        gate.release()
        let channel = context.channel
        let number: UInt64
        do throws(BrokerRefusal) {
            number = try connections.admit(svid, from: origin) { channel.close(promise: nil) }
        } catch {
            observe(.refused(peer: "\(svid.id)", reason: "\(error)"))
            return context.close(promise: nil)
        }
        self.number = number
        do {
            // Handlers of calls find it there; no stream is before it.
            try context.pipeline.syncOperations.addHandler(
                ConnectionStamp(number, patience: limits.firstCall), position: .after(self))
        } catch {
            context.close(promise: nil)
        }
        let rest = max(0, svid.notAfter - connections.now)
        expiry = context.eventLoop.scheduleTask(in: .seconds(min(rest, Self.longestWait) + 1)) { [connections] in
            connections.review()
        }
    }

    /// Seconds; what is valid for longer is looked at with every change of the bundle anyway.
    private static let longestWait: Int64 = 30 * 86400

    func channelInactive(context: ChannelHandlerContext) {
        expiry?.cancel()
        if let number { connections.remove(number) }
        number = nil
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // How an established connection ended is nobody's fault.
        if let error = error as? SecureTransportError, number == nil, !gate.isRefused {
            observe(.refused(peer: peer(of: context), reason: Self.reason(error)))
        }
        context.fireErrorCaught(error)
    }

    private func peer(of context: ChannelHandlerContext) -> String {
        guard let address = context.remoteAddress, let host = address.ipAddress else { return "its socket" }
        return "\(host) port \(address.port ?? 0)"
    }

    private static func reason(_ error: SecureTransportError) -> String {
        switch error {
        case .unexpectedPeer(let id, _): "\(id) is not on the list of brokers"
        case .peerOfOtherNode(let id, let node): "the SVID of \(id) was issued to \(node)"
        default: "\(error)"
        }
    }
}
