internal import Addressing
internal import AuthorityAPI
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import Identity
internal import Issuance
internal import NIOCore
internal import OpenSSLBinding
internal import SecureTransport

/// The authority's gRPC server.
final class AuthorityServer: Sendable {
    private typealias Transport = HTTP2ServerTransport.Custom<SecureListener>

    private let transport: Transport
    private let server: GRPCServer<Transport>
    private let host: String
    private let address: String

    init(
        _ calls: any RegistrableRPCService, of core: AuthorityCore, identity: ServerIdentity,
        admission: AdmissionControl
    ) throws(AuthorityError) {
        let settings = core.settings
        host = settings.listenAddress.description
        address = "\(host) port \(settings.listenPort)"
        let socketAddress: NIOCore.SocketAddress
        do {
            socketAddress = try NIOCore.SocketAddress(
                ipAddress: settings.listenAddress.description, port: Int(settings.listenPort))
        } catch {
            throw .cannotListen(address: address, reason: "\(error)")
        }
        // Without what is revoked: who shows that is told so in answer to each call, and shuts itself off.
        let trust = core.trust
        let listener = SecureListener(
            address: socketAddress,
            identity: TransportIdentity(current: { identity.current }, bundle: { trust.rootsOnly }, now: core.now),
            alpn: AuthorityWire.alpn, limits: settings.limits, admission: admission,
            nodes: NodeConnections(settings.limits), observe: core.observe)
        transport = Transport(listenerFactory: listener, config: Self.configuration(settings.limits))
        server = GRPCServer(transport: transport, services: [calls])
    }

    private static func configuration(_ limits: AuthorityLimits) -> Transport.Config {
        var configuration = Transport.Config.defaults
        configuration.http2.maxConcurrentStreams = limits.streamsPerConnection
        configuration.rpc.maxRequestPayloadSize = AuthorityWire.largestRequest
        // A node always has its directory stream; who has none does not need the connection.
        configuration.connection.maxIdleTime = .seconds(60)
        configuration.connection.maxGraceTime = .seconds(2)
        configuration.connection.keepalive = HTTP2ServerTransport.Config.Keepalive(
            time: .seconds(30), timeout: .seconds(10),
            clientBehavior: .init(minPingIntervalWithoutCalls: .seconds(5), allowWithoutCalls: true))
        configuration.channelDebuggingCallbacks.onAcceptHTTP2Stream = { CallerStamp.install(on: $0) }
        return configuration
    }

    var port: UInt16? {
        get async {
            switch await transport.listeningAddress {
            case .some(let address): (address.ipv4?.port ?? address.ipv6?.port).map { UInt16($0) }
            case .none: nil
            }
        }
    }

    func stop() { server.beginGracefulShutdown() }

    /// Serves until stopped.
    func run(observe: @escaping @Sendable (AuthorityEvent) -> Void) async throws(AuthorityError) {
        let announcement = Task { [host] in
            if let port = await port { observe(.listening(address: "\(host) port \(port)")) }
        }
        defer { announcement.cancel() }
        do {
            try await server.serve()
        } catch {
            guard let cause = (error as? RuntimeError)?.cause as? IOError else { throw .serverFailed("\(error)") }
            throw .cannotListen(address: address, reason: SocketFailure.reason(cause))
        }
    }
}
