import Configuration
import LinuxBinding
import Telemetry
import WorkloadAPI

/// Serves workloads on their socket.
struct WorkloadServer: Sendable {
    private let server: WorkloadAPIServer

    /// Returns once workloads can connect.
    static func start(_ node: NodeRole, _ daemon: DaemonContext) async throws(StartError) -> WorkloadServer {
        let paths = daemon.configuration.paths
        do throws(PrivateFileError) {
            try PublicSocket.prepareDirectory(PodshieldConfiguration.Paths.agent, in: paths.run)
        } catch {
            throw .directory(error)
        }
        let server = try make(node, daemon)
        try await daemon.serve(
            "the Workload API", at: "the Workload API's socket \(paths.workloadSocket)", { try await server.run() },
            isListening: { await server.isListening })
        return WorkloadServer(server: server)
    }

    private static func make(_ node: NodeRole, _ daemon: DaemonContext) throws(StartError) -> WorkloadAPIServer {
        do throws(SystemError) {
            let workloads = try NodeWorkloads(node)
            let (reports, telemetry) = (daemon.reports, daemon.telemetry)
            return try WorkloadAPIServer(
                socket: daemon.sockets.workloads, identities: workloads,
                sdsRequiresHeader: daemon.configuration.node?.sdsRequiresHeader ?? true,
                sdsHasRevocationLists: daemon.configuration.node?.sdsHasRevocationLists ?? true,
                refused: { reports.record(.workloadRefused(source: $0)) },
                withheld: { telemetry.record(.listsWithheld(reason: $0)) },
                rejected: { reports.record(.secretRejected(source: $0, reason: $1)) })
        } catch {
            throw .system(error)
        }
    }

    func stop() { server.stop() }
}
