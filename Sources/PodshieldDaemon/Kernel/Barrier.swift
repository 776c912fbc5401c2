import Configuration
import Datapath

/// What keeps pods' packets from leaving in clear. It is in place before anything that may fail or has to be waited for, so
/// that a daemon which does not get any further leaves the node shut, not open.
struct Barrier: Sendable {
    let datapath: Datapath
    let uplinks: UplinkWatch

    /// Returns when every device is hooked: as a pod's if an earlier run left it so, else as an uplink.
    static func raise(
        _ node: PodshieldConfiguration.Node, _ daemon: DaemonContext
    ) async throws(StartError) -> Barrier {
        let datapath = try await Datapath.start(node, daemon)
        let uplinks = UplinkWatch(datapath, node.uplinks, telemetry: daemon.telemetry)
        try await uplinks.attachAll()
        return Barrier(datapath: datapath, uplinks: uplinks)
    }
}
