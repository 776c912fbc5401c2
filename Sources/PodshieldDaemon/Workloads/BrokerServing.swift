import Addressing
import Configuration
import Identity
import LinuxBinding
import NodeIdentity
import Telemetry
import WorkloadAPI

/// Serves brokers, where the configuration says so.
struct BrokerServing: Sendable {
    private let server: BrokerServer

    /// Returns once brokers can connect; nil where there are to be none.
    static func start(_ node: NodeRole, _ daemon: DaemonContext) async throws(StartError) -> BrokerServing? {
        guard let settings = node.settings.broker else { return nil }
        try prepareDirectory(of: settings.socket, daemon.configuration.paths)
        let server = try make(settings, node, daemon)
        let address = settings.listen.map { "\(settings.socket) and \($0)" } ?? settings.socket
        try await daemon.serve(
            "the Broker API", at: "the Broker API's socket \(address)", { try await server.run() },
            isListening: { await server.isListening })
        daemon.telemetry.record(.brokersListening(address: address, count: settings.brokers.count))
        return BrokerServing(server: server)
    }

    /// Our own is made; another has to be there, and be nobody else's to write to.
    private static func prepareDirectory(
        of socket: String, _ paths: PodshieldConfiguration.Paths
    ) throws(StartError) {
        let directory = String(socket[..<(socket.lastIndex(of: "/") ?? socket.startIndex)])
        let name = PodshieldConfiguration.Paths.broker
        do throws(PrivateFileError) {
            if directory == "\(paths.run)/\(name)" {
                try PublicSocket.prepareDirectory(name, in: paths.run)
            } else {
                try PrivateDirectory.check(directory)
            }
        } catch {
            throw .directory(error)
        }
    }

    private static func make(
        _ settings: PodshieldConfiguration.Broker, _ node: NodeRole, _ daemon: DaemonContext
    ) throws(StartError) -> BrokerServer {
        do throws(SystemError) {
            let workloads = try NodeWorkloads(node)
            let reports = daemon.reports
            return try BrokerServer(
                at: settings.places, identity: node.parts.identity.transportIdentity, identities: workloads,
                policy: BrokerPolicy(settings.grants),
                observe: { reports.record(Event($0)) })
        } catch {
            throw .system(error)
        }
    }

    func stop() { server.stop() }
}

extension PodshieldConfiguration.Broker {
    fileprivate var places: [BrokerServer.Place] {
        let socket = BrokerServer.Place.socket(path: socket)
        guard let listen, let address = listen.address else { return [socket] }
        return [socket, .address(address, port: listen.port)]
    }

    fileprivate var grants: [SPIFFEID: BrokerPolicy.Grant] {
        Dictionary(
            brokers.map { broker in
                (
                    broker.id,
                    BrokerPolicy.Grant(
                        references: Set(broker.references.map(BrokerPolicy.ReferenceKind.init)),
                        overTCP: Set(broker.tcpReferences.map(BrokerPolicy.ReferenceKind.init)))
                )
            }
        ) { $1 }
    }
}

extension BrokerPolicy.ReferenceKind {
    fileprivate init(_ reference: PodshieldConfiguration.BrokerReference) {
        self =
            switch reference {
            case .pid: .process
            case .kubernetes: .kubernetes
            }
    }
}
