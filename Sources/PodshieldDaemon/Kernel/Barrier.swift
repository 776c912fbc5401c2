import Configuration
import Datapath
import LinuxBinding

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

    /// Returns when the daemon that holds the instance has hooked every device that is there: the first thing it does.
    static func waitForOther(
        _ node: PodshieldConfiguration.Node, _ configuration: PodshieldConfiguration
    ) async throws(StartError) {
        let end = ContinuousClock.now + patience
        while let open = try openDevice(node, configuration) {
            guard ContinuousClock.now < end else {
                throw .uplink(
                    open, reason: "the daemon that runs has not hooked it for \(patience.components.seconds) s")
            }
            try? await Task.sleep(for: .milliseconds(100))
        }
    }

    private static let patience = Duration.seconds(20)

    /// One that no program of the instance guards.
    private static func openDevice(
        _ node: PodshieldConfiguration.Node, _ configuration: PodshieldConfiguration
    ) throws(StartError) -> String? {
        let links: [NetworkLink]
        do throws(SystemError) { links = try RouteSocket().links() } catch { throw .system(error) }
        let guarded: Set<UInt32>
        do throws(DatapathError) {
            guarded = try Datapath.guardedDevices(bpffs: configuration.paths.bpffs, instance: configuration.instance)
        } catch {
            throw .datapath(error)
        }
        return links.first { node.uplinks.includes($0) && !guarded.contains($0.index) }?.name
    }
}

extension PodshieldConfiguration.Uplinks {
    /// Whether a device is to be watched unless it is a pod's.
    func includes(_ link: NetworkLink) -> Bool {
        guard !link.isLoopback else { return false }
        return switch self {
        case .auto: true
        case .devices(let names): names.contains(link.name)
        }
    }
}
