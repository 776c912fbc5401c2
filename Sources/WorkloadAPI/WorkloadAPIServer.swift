internal import GRPCCore
internal import GRPCNIOTransportHTTP2
public import LinuxBinding
internal import NIOCore

/// Serves the SPIFFE Workload API and Envoy's SDS on a Unix socket.
public final class WorkloadAPIServer: Sendable {
    private typealias Transport = HTTP2ServerTransport.Custom<WorkloadListener>

    private let transport: Transport
    private let server: GRPCServer<Transport>
    let connections: Connections
    let processes: ProcessWatch

    /// - Parameters:
    ///   - socket: one of our own is in a directory that `PublicSocket` has prepared; what lies there is replaced.
    ///   - sdsRequiresHeader: calls of Envoys need the header, too.
    ///   - sdsHasRevocationLists: Envoys are told what was taken back, where that is safe.
    ///   - refused: is told who has more connections or calls than allowed, or most of all when there is no place left, once until some have
    ///     ended; from any thread, must not block.
    ///   - withheld: is told why Envoys are not told what was taken back, once for each reason; likewise.
    ///   - rejected: is told which Envoy does not take what it was given, and why in its words; likewise.
    public init(
        socket: ListeningSocket, identities: any WorkloadIdentities, limits: WorkloadAPILimits = WorkloadAPILimits(),
        sdsRequiresHeader: Bool = false, sdsHasRevocationLists: Bool = true,
        refused: @escaping @Sendable (_ source: String) -> Void,
        withheld: @escaping @Sendable (_ reason: String) -> Void,
        rejected: @escaping @Sendable (_ source: String, _ reason: String) -> Void
    ) throws(SystemError) {
        processes = ProcessWatch(round: limits.lookAtProcesses)
        connections = Connections(limits) { refused("\($0)") }
        let listener = WorkloadListener(
            socket: socket, inspection: try CallerInspection(), connections: connections, limits: limits)
        let attestor = Attestor(identities)
        let lists = EnvoyLists(
            areOffered: sdsHasRevocationLists, look: limits.lookAtLists, now: identities.now, withheld: withheld)
        transport = Transport(
            listenerFactory: listener,
            config: .serving(
                streams: limits.callsPerConnection, requestBytes: limits.requestBytes, idle: limits.idle))
        server = GRPCServer(
            transport: transport,
            services: [
                WorkloadService(attestor: attestor, connections: connections, processes: processes),
                SecretService(
                    attestor: attestor, lists: lists, connections: connections, processes: processes,
                    rejected: rejected),
                ReflectionService(.ofWorkloadAPI),
            ],
            interceptors: [HeaderRule.workloads(holdsForEnvoys: sdsRequiresHeader)])
    }

    /// Whether workloads can connect; waits until that is clear. False when it could not listen, which `run` then says why.
    public var isListening: Bool {
        get async { await transport.listeningAddress != nil }
    }

    /// Serves until stopped.
    public func run() async throws {
        let looking = Task { [processes] in await processes.run() }
        defer { looking.cancel() }
        try await server.serve()
    }

    /// No new calls; those under way have a second.
    public func stop() { server.beginGracefulShutdown() }
}
