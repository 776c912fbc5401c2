import Configuration
import Datapath
import Preflight
import Telemetry

extension Datapath {
    /// Loads what `configuration` says, or takes over what an earlier run left, and makes it current without letting go of
    /// anything in between.
    static func start(
        _ node: PodshieldConfiguration.Node, _ daemon: DaemonContext
    ) async throws(StartError) -> Datapath {
        do throws(DatapathError) {
            let datapath = try await Datapath(DatapathSettings(node.datapath, daemon.configuration))
            let isAdopted = try await !datapath.protected().isEmpty
            try await datapath.apply(node, daemon.configuration)
            daemon.telemetry.record(
                .datapathLoaded(attachment: node.datapath.attachment.rawValue, isAdopted: isAdopted))
            return datapath
        } catch {
            throw .datapath(error)
        }
    }

    /// What may change at any time. The prefixes come first: they are what the rest is about.
    func apply(
        _ node: PodshieldConfiguration.Node, _ configuration: PodshieldConfiguration
    ) throws(DatapathError) {
        try setProtected(Set(configuration.protected))
        try configure(DatapathConfiguration(node), ready: true)
    }
}

extension DatapathConfiguration {
    init(_ node: PodshieldConfiguration.Node) {
        self.init(
            permissive: node.permissive, markMask: node.datapath.markMask, espPort: node.espPort,
            eventBurst: UInt64(node.datapath.eventsPerSecond))
    }
}
