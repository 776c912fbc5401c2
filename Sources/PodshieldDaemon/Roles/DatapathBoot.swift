import Configuration
import Datapath
import Telemetry

/// Guards the devices of a machine that boots, before anything starts that could make a pod: the protected prefixes are in
/// force, no pod and no peer is known, so whatever heads into the prefixes or claims to come from them drops.
struct DatapathBoot {
    let configuration: PodshieldConfiguration
    let telemetry: Telemetry

    /// Leaves everything as it is where an earlier run of the instance has left a datapath. Does nothing on a machine
    /// without pods.
    func run() async throws(StartError) {
        guard let node = configuration.node, let datapath = try await guarded(node) else { return }
        try await UplinkWatch(datapath, node.uplinks, telemetry: telemetry).attachAll()
    }

    /// Nil where there is a datapath in force already.
    private func guarded(_ node: PodshieldConfiguration.Node) async throws(StartError) -> Datapath? {
        do throws(DatapathError) {
            let datapath = try await Datapath(DatapathSettings(node.datapath, configuration))
            guard try await datapath.protected().isEmpty else { return nil }
            try await datapath.setProtected(Set(configuration.protected))
            try await datapath.configure(DatapathConfiguration(node), ready: false)
            return datapath
        } catch {
            throw .datapath(error)
        }
    }
}
