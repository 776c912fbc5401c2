public import Addressing
internal import GRPCCore
internal import GRPCNIOTransportHTTP2
internal import Identity
public import LinuxBinding
internal import NIOCore
public import SecureTransport

/// Serves the SPIFFE Broker API: to components of the node that act for workloads, over mTLS.
public final class BrokerServer: Sendable {
    typealias Transport = HTTP2ServerTransport.Custom<BrokerListener>

    /// Where brokers connect.
    public enum Place: Sendable, Equatable {
        /// In a directory that is there; what lies there is replaced.
        case socket(path: String)
        case address(IPAddress, port: UInt16)
    }

    private let identities: any WorkloadIdentities
    let transports: [Transport]
    private let servers: [GRPCServer<Transport>]
    let connections: BrokerConnections
    private let processes: ProcessWatch

    /// - Parameters:
    ///   - identity: how the node shows itself, read anew for each connection.
    ///   - observe: from any thread, must not block.
    public init(
        at places: [Place], identity: TransportIdentity, identities: any WorkloadIdentities, policy: BrokerPolicy,
        limits: BrokerLimits = BrokerLimits(), observe: @escaping @Sendable (BrokerEvent) -> Void
    ) throws(SystemError) {
        self.identities = identities
        let connections = BrokerConnections(limits, identities, observe)
        self.connections = connections
        processes = ProcessWatch(round: limits.lookAtProcesses)
        let service = BrokerService(
            attestor: Attestor(identities), connections: connections, policy: policy,
            lookup: ReferentLookup(identities: identities, inspection: try CallerInspection()), processes: processes,
            observe: observe)
        let reflection = ReflectionService(.ofBrokerAPI)
        transports = places.map { place in
            Transport(
                listenerFactory: BrokerListener(place, identity, policy.brokers, connections, limits, observe),
                config: .serving(
                    streams: limits.streamsPerConnection, requestBytes: limits.requestBytes, idle: limits.idle,
                    silence: limits.silence))
        }
        servers = transports.map {
            GRPCServer(transport: $0, services: [service, reflection], interceptors: [HeaderRule.brokers])
        }
    }

    /// Whether brokers can connect everywhere; waits until that is clear. False when it could not listen, which `run` then says
    /// why.
    public var isListening: Bool {
        get async {
            for transport in transports {
                guard await transport.listeningAddress != nil else { return false }
            }
            return true
        }
    }

    /// Serves until stopped. One place after another begins, and when one ends all do.
    public func run() async throws {
        let review = Task { [identities, connections] in
            for await _ in identities.watch().changes { connections.review() }
        }
        let looking = Task { [processes] in await processes.run() }
        defer {
            review.cancel()
            looking.cancel()
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (server, transport) in zip(servers, transports) {
                group.addTask { [self] in
                    // Servers do not listen to cancelling.
                    defer { stop() }
                    try await server.serve()
                }
                guard await transport.listeningAddress != nil else { break }
            }
            try await group.waitForAll()
        }
    }

    /// No new calls; those under way have a second.
    public func stop() { for server in servers { server.beginGracefulShutdown() } }
}
