internal import Addressing
internal import AuthorityAPI
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import Identity
internal import Issuance
internal import NIOCore
internal import OpenSSLBinding
internal import SecureTransport

/// A gRPC server of the authority's.
final class AuthorityServer: Sendable {
    private typealias Transport = HTTP2ServerTransport.Custom<SecureListener>

    /// Where it listens, and for whom.
    struct Place: Sendable {
        let address: IPAddress
        let port: UInt16
        let expecting: PeerExpectation
        let identity: TransportIdentity
        let limits: AuthorityLimits
        /// How long a connection may last that has shown a certificate; nil for as long as somebody calls on it.
        var longestConnection: Duration?
        let admission: AdmissionControl
        /// What there is to tell once it listens.
        let listening: @Sendable (_ address: String) -> AuthorityEvent
    }

    private let transport: Transport
    private let server: GRPCServer<Transport>
    private let place: Place
    private let observe: @Sendable (AuthorityEvent) -> Void

    init(
        _ calls: [any RegistrableRPCService], at place: Place, observe: @escaping @Sendable (AuthorityEvent) -> Void
    ) throws(AuthorityError) {
        self.place = place
        self.observe = observe
        let socketAddress: NIOCore.SocketAddress
        do {
            socketAddress = try NIOCore.SocketAddress(ipAddress: place.address.description, port: Int(place.port))
        } catch {
            throw .cannotListen(address: "\(place.address) port \(place.port)", reason: "\(error)")
        }
        let listener = SecureListener(
            address: socketAddress, identity: place.identity, expecting: place.expecting, alpn: AuthorityWire.alpn,
            limits: place.limits, admission: place.admission, nodes: NodeConnections(place.limits), observe: observe)
        transport = Transport(listenerFactory: listener, config: Self.configuration(place))
        server = GRPCServer(transport: transport, services: calls)
    }

    private static func configuration(_ place: Place) -> Transport.Config {
        var configuration = Transport.Config.defaults
        configuration.http2.maxConcurrentStreams = place.limits.streamsPerConnection
        configuration.rpc.maxRequestPayloadSize = AuthorityWire.largestRequest
        // A node always has its directory stream; who has none does not need the connection.
        configuration.connection.maxIdleTime = .seconds(60)
        configuration.connection.maxAge = place.longestConnection
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
    func run() async throws(AuthorityError) {
        let announcement = Task { [place, observe] in
            if let port = await port { observe(place.listening("\(place.address) port \(port)")) }
        }
        defer { announcement.cancel() }
        do {
            try await server.serve()
        } catch {
            guard let cause = (error as? RuntimeError)?.cause as? IOError else { throw .serverFailed("\(error)") }
            throw .cannotListen(
                address: "\(place.address) port \(place.port)", reason: SocketFailure.reason(cause))
        }
    }
}
