internal import AuthorityAPI
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import NIOCore
internal import NIOPosix
internal import OpenSSLBinding
internal import SecureTransport
internal import Synchronization

/// One connection to the authority, its handshake complete.
struct AuthorityConnection: Sendable {
    typealias Transport = HTTP2ClientTransport.WrappedChannel

    let calls: Podshield_Authority_V1_Authority.Client<Transport>
    private let client: GRPCClient<Transport>
    private let life: ConnectionLife

    private static let connectTimeout = TimeAmount.seconds(5)

    /// Connects and shakes hands; no call is possible on a connection whose peer is not who is expected.
    static func open(
        _ address: AuthorityAddress, identity: TransportIdentity, expecting: PeerExpectation
    ) async throws(ConnectionFailure) -> AuthorityConnection {
        let life = ConnectionLife()
        do {
            let transport = try await Transport.wrapping(config: configuration) { configure in
                let (configured, handshake) = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .connectTimeout(connectTimeout)
                    .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                    .connect(host: address.host, port: address.port) { channel in
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
            return AuthorityConnection(transport, life)
        } catch let error as SecureTransportError {
            throw .transport(error)
        } catch {
            throw .notReached(ConnectFailure.reason(error))
        }
    }

    private init(_ transport: Transport, _ life: ConnectionLife) {
        client = GRPCClient(transport: transport)
        calls = Podshield_Authority_V1_Authority.Client(wrapping: client)
        self.life = life
    }

    /// What a proof to the authority is made over, as `MachineProof` says.
    func exporter() throws(OpenSSLError) -> [UInt8] {
        guard let outcome = life.outcome else {
            throw OpenSSLError(operation: "exporter", reasons: ["the handshake is not complete"])
        }
        let secret = try outcome.export(
            label: MachineProof.exporterLabel, context: [], length: MachineProof.exporterLength)
        return unsafe secret.withUnsafeBytes { unsafe Array($0) }
    }

    private static var configuration: Transport.Config {
        .defaults { configuration in
            // Notices within half a minute that the other end is gone without a word.
            configuration.connection.keepalive = HTTP2ClientTransport.Config.Keepalive(
                time: .seconds(20), timeout: .seconds(10), allowWithoutCalls: false)
        }
    }

    private static func initialize(
        _ channel: any Channel, _ identity: TransportIdentity, _ expecting: PeerExpectation,
        _ life: ConnectionLife,
        _ configure: (any Channel) -> EventLoopFuture<Transport.ConfiguredChannel>
    ) -> EventLoopFuture<(Transport.ConfiguredChannel, EventLoopFuture<Void>)> {
        let handshake = channel.eventLoop.makePromise(of: Void.self)
        do {
            try channel.pipeline.syncOperations.addHandlers(
                SecureTransportHandler(
                    role: .client, identity: identity, expecting: expecting, alpn: AuthorityWire.alpn),
                HandshakeWatch(handshake, life))
        } catch {
            handshake.fail(error)
            return channel.eventLoop.makeFailedFuture(error)
        }
        return configure(channel).map { ($0, handshake.futureResult) }
    }

    /// Carries calls until the connection ends, which it does when the task is cancelled, too.
    func run() async throws(ConnectionFailure) {
        do {
            try await client.runConnections()
        } catch {
            throw life.failure ?? .notReached("\(error)")
        }
        if let failure = life.failure { throw failure }
    }

    /// Lets calls under way end, and then the connection.
    func close() { client.beginGracefulShutdown() }
}

/// What TLS knows of a connection: how it began, and why it ended.
private final class ConnectionLife: Sendable {
    private let established = Mutex<HandshakeOutcome?>(nil)
    private let error = Mutex<SecureTransportError?>(nil)

    var outcome: HandshakeOutcome? { established.withLock { $0 } }
    var failure: ConnectionFailure? { error.withLock { $0 }.map { .transport($0) } }

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
