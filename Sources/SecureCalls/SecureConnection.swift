public import GRPCCore
public import GRPCNIOTransportHTTP2
internal import NIOCore
internal import NIOPosix
public import SecureTransport
internal import Synchronization

/// One connection for gRPC calls over mutual TLS of ours, its handshake complete.
public struct SecureConnection: Sendable {
    public typealias Transport = HTTP2ClientTransport.WrappedChannel

    public let client: GRPCClient<Transport>
    private let life: ConnectionLife

    private static let connectTimeout = TimeAmount.seconds(5)
    private static let alpn = ["h2"]

    /// Connects and shakes hands; no call is possible on a connection whose peer is not who is expected. `run` has to follow.
    public static func open(
        host: String, port: Int, identity: TransportIdentity, expecting: PeerExpectation
    ) async throws(SecureConnectionFailure) -> SecureConnection {
        let life = ConnectionLife()
        do {
            let transport = try await Transport.wrapping(config: configuration(host, port)) { configure in
                let (configured, handshake) = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .connectTimeout(connectTimeout)
                    .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                    .connect(host: host, port: port) { channel in
                        initialize(channel, identity, expecting, life, configure)
                    }
                do {
                    try await handshake.get()
                } catch {
                    // What gRPC has put on the channel may only go when the channel is closed; the failure closes it.
                    try? await configured.channel.closeFuture.get()
                    throw error
                }
                return configured
            }
            return SecureConnection(client: GRPCClient(transport: transport), life: life)
        } catch let error as SecureTransportError {
            throw .transport(error)
        } catch {
            throw .notReached(ConnectFailure.reason(error))
        }
    }

    /// What the handshake established. Nil only before it is complete, as nobody outside sees it.
    public var outcome: HandshakeOutcome? { life.outcome }

    /// Connects and shakes hands, and says goodbye: for who the server is.
    public static func greet(
        host: String, port: Int, identity: TransportIdentity, expecting: PeerExpectation
    ) async throws(SecureConnectionFailure) -> HandshakeOutcome {
        let life = ConnectionLife()
        do {
            let (channel, handshake) = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(connectTimeout)
                .connect(host: host, port: port) { channel in
                    initialize(channel, identity, expecting, life) { $0.eventLoop.makeSucceededFuture($0) }
                }
            try await handshake.get()
            guard let outcome = life.outcome else { throw SecureTransportError.closedDuringHandshake }
            channel.close(promise: nil)
            return outcome
        } catch let error as SecureTransportError {
            throw .transport(error)
        } catch {
            throw .notReached(ConnectFailure.reason(error))
        }
    }

    private static func configuration(_ host: String, _ port: Int) -> Transport.Config {
        .defaults { configuration in
            // Servers of other makes answer nobody who does not name them.
            configuration.http2.authority = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
            // Notices within half a minute that the other end is gone without a word.
            configuration.connection.keepalive = HTTP2ClientTransport.Config.Keepalive(
                time: .seconds(20), timeout: .seconds(10), allowWithoutCalls: false)
        }
    }

    private static func initialize<Configured: Sendable>(
        _ channel: any Channel, _ identity: TransportIdentity, _ expecting: PeerExpectation,
        _ life: ConnectionLife, _ configure: (any Channel) -> EventLoopFuture<Configured>
    ) -> EventLoopFuture<(Configured, EventLoopFuture<Void>)> {
        let handshake = channel.eventLoop.makePromise(of: Void.self)
        do {
            try channel.pipeline.syncOperations.addHandlers(
                SecureTransportHandler(role: .client, identity: identity, expecting: expecting, alpn: alpn),
                HandshakeWatch(handshake, life))
        } catch {
            handshake.fail(error)
            return channel.eventLoop.makeFailedFuture(error)
        }
        return configure(channel).map { ($0, handshake.futureResult) }
    }

    /// Carries calls until the connection ends, which it does when the task is cancelled, too.
    public func run() async throws(SecureConnectionFailure) {
        do {
            try await client.runConnections()
        } catch {
            throw life.failure ?? .notReached("\(error)")
        }
        if let failure = life.failure { throw failure }
    }

    /// Lets calls under way end, and then the connection.
    public func close() { client.beginGracefulShutdown() }
}

/// Why there is no connection, or no longer one.
public enum SecureConnectionFailure: Error, Sendable, Equatable {
    case notReached(String)
    case transport(SecureTransportError)
}

/// What TLS knows of a connection: how it began, and why it ended.
private final class ConnectionLife: Sendable {
    private let established = Mutex<HandshakeOutcome?>(nil)
    private let error = Mutex<SecureTransportError?>(nil)

    var outcome: HandshakeOutcome? { established.withLock { $0 } }
    var failure: SecureConnectionFailure? { error.withLock { $0 }.map { .transport($0) } }

    func begin(_ outcome: HandshakeOutcome) {
        established.withLock { $0 = outcome }
    }

    func end(_ new: SecureTransportError) {
        error.withLock { $0 = $0 ?? new }
    }
}

/// Waits for the handshake on behalf of whoever opens the connection, and takes down how it fails.
private final class HandshakeWatch: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let handshake: EventLoopPromise<Void>
    private let life: ConnectionLife

    init(_ handshake: EventLoopPromise<Void>, _ life: ConnectionLife) {
        self.handshake = handshake
        self.life = life
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let outcome = event as? HandshakeOutcome {
            life.begin(outcome)
            handshake.succeed()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? SecureTransportError { life.end(error) }
        handshake.fail(error)
        context.fireErrorCaught(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        handshake.fail(SecureTransportError.closedDuringHandshake)
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        handshake.fail(SecureTransportError.closedDuringHandshake)
    }
}
