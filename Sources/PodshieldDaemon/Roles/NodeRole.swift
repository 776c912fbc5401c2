import Configuration
import ContainerRuntime
import Datapath
import Identity
import LinuxBinding
import NetnsProtocol
import NodeIdentity
import NodeLink
import PodState
import Telemetry

/// The node in this daemon: all of its services, running.
struct NodeRole: Sendable {
    let parts: NodeParts
    let pods: PodRegistry
    let settings: PodshieldConfiguration.Node
    private let port: ESPPort

    /// Returns when sockets are bound, devices are watched, the pods of an earlier run are in force and peers may connect.
    /// What needs others, or may wait for them, comes when the pods are in force and devices are watched already.
    static func start(
        _ settings: PodshieldConfiguration.Node, _ daemon: DaemonContext, _ barrier: Barrier, authority: AuthorityRole?
    ) async throws(StartError) -> NodeRole {
        let (changes, changed) = AsyncStream.makeStream(of: NodeIdentityEvent.self)
        let membership = NodeMembershipStart(node: settings, daemon: daemon, authority: authority)
        let identity = try membership.open { changed.yield($0) }
        let parts = try parts(settings, daemon, identity, barrier)
        let pods = try registry(parts, daemon.configuration)
        try await takeUpDevices(parts, pods, daemon)
        // Before a join uses up its token.
        let port = try await ESPPort(address: settings.address, port: settings.espPort)
        try await membership.complete(identity)
        let role = NodeRole(parts: parts, pods: pods, settings: settings, port: port)
        try await role.startLink(daemon)
        role.startFlows(daemon, changes) { await membership.restore(identity) }
        return role
    }

    /// Where it would show that the node does its work no more.
    var actors: [any Actor] { [parts.datapath, parts.uplinks, parts.identity, parts.link, pods, pods.hosting] }

    func stop() async {
        await parts.link.stop()
        await port.close()
    }

    // MARK: Parts

    private static func parts(
        _ settings: PodshieldConfiguration.Node, _ daemon: DaemonContext, _ identity: NodeIdentityService,
        _ barrier: Barrier
    ) throws(StartError) -> NodeParts {
        let names = NameTable()
        let link = try NodeLinkService.make(settings, daemon, identity, barrier.datapath, names)
        return NodeParts(
            datapath: barrier.datapath, identity: identity, link: link, uplinks: barrier.uplinks,
            helper: NetnsHelper(settings.netnsHelper), containers: containers(settings, daemon, identity), names: names,
            address: settings.address, now: WallClock.seconds, telemetry: daemon.telemetry)
    }

    private static func containers(
        _ settings: PodshieldConfiguration.Node, _ daemon: DaemonContext, _ identity: NodeIdentityService
    ) -> ContainerRuntime? {
        settings.containerRuntime.map { socket in
            ContainerRuntime(
                socket: socket,
                observe: { [telemetry = daemon.telemetry] in telemetry.record(Event($0, socket: socket)) },
                answered: { identity.podsChanged() })
        }
    }

    private static func registry(
        _ parts: NodeParts, _ configuration: PodshieldConfiguration
    ) throws(StartError) -> PodRegistry {
        do throws(PodStoreError) {
            let store = try PodStore(directory: configuration.paths.podState)
            return PodRegistry(parts, store: store, protected: configuration.protected)
        } catch {
            throw .pods(error)
        }
    }

    /// Pods first: their devices are no uplinks. All others are hooked once more although the barrier has done it: those
    /// that came since, and those of pods that an earlier run knew and this one does not. Listed after the events began,
    /// so that none is missed in between; one that cannot be hooked ends the start.
    private static func takeUpDevices(
        _ parts: NodeParts, _ pods: PodRegistry, _ daemon: DaemonContext
    ) async throws(StartError) {
        let events: AsyncStream<LinkEvent>
        do throws(SystemError) { events = try LinkMonitor.events() } catch { throw .system(error) }
        try await pods.restore()
        try await parts.uplinks.attachAll()
        let watch = DeviceWatch(uplinks: parts.uplinks, pods: pods, names: parts.names, events: events)
        daemon.components.start("the watch over devices") { await watch.run() }
    }

    private func startLink(_ daemon: DaemonContext) async throws(StartError) {
        let link = parts.link
        let running = Task { try await link.run() }
        let address = settings.address
        do throws(NodeLinkError) {
            let port = try await link.bound()
            daemon.telemetry.record(.linkListening(address: "\(address) port \(port)"))
        } catch {
            throw .link(error)
        }
        daemon.components.adopt("the node link", running)
    }

    private func startFlows(
        _ daemon: DaemonContext, _ changes: AsyncStream<NodeIdentityEvent>, rejoin: @escaping @Sendable () async -> Void
    ) {
        let (parts, pods) = (parts, pods)
        let directory = DirectoryFlow(parts: parts)
        let events = KernelEvents(parts: parts)
        let wear = KeyWear(parts: parts, limits: settings.link)
        daemon.components.start("the directory flow") { await directory.run() }
        let identity = IdentityFlow(
            identity: parts.identity, link: parts.link, pods: pods, changes: changes, rejoin: rejoin)
        daemon.components.start("the identity flow") { await identity.run() }
        daemon.components.start("the kernel's events") { await events.run() }
        daemon.components.start("the watch over keys") { await wear.run() }
        daemon.components.start("the pods") { await pods.run() }
    }
}

extension NetnsHelper {
    fileprivate init(_ setting: PodshieldConfiguration.NetnsHelper) {
        switch setting {
        case .socket(let path): self = .socket(path: path)
        case .executable(let path): self = .spawn(executable: path)
        }
    }
}
