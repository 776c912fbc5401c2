import Authority
import Configuration
import Datapath
import LinuxBinding
import NIOPosix
import SystemdBinding

/// All that the role needs, started in order.
struct RunningDaemon: Sendable {
    let context: DaemonContext
    let authority: AuthorityRole?
    let node: NodeRole?
    private let admin: AdminServer
    private let workloads: WorkloadServer?
    private let brokers: BrokerServing?

    /// Returns when everything is in place. What was started before a failure is among the context's components.
    static func start(_ context: DaemonContext) async throws(StartError) -> RunningDaemon {
        let configuration = context.configuration
        let barrier = try await configuration.node.raiseBarrier(context)
        try watchForCopies(context, barrier?.datapath)
        let authority = try await configuration.authority.start(context)
        let node = try await configuration.node.start(context, barrier, authority: authority)
        let workloads = try await node.serveWorkloads(context)
        let brokers = try await node.serveBrokers(context)
        let admin = try await AdminServer.start(AdminService(daemon: context, authority: authority, node: node))
        let statusLine = StatusLine(context: context, node: node)
        feedWatchdog(context, (node?.actors ?? []) + (authority?.service.actors ?? []))
        context.components.start("the sums of events") { [reports = context.reports] in await reports.tellSums() }
        context.components.start("the status line") { await statusLine.run() }
        return RunningDaemon(
            context: context, authority: authority, node: node, admin: admin, workloads: workloads, brokers: brokers)
    }

    private static func watchForCopies(_ context: DaemonContext, _ datapath: Datapath?) throws(StartError) {
        let changes: AsyncStream<Void>
        do throws(SystemError) { changes = try MachineGeneration.changes() } catch { throw .system(error) }
        let copied = CopiedMachine(changes: changes, datapath: datapath, telemetry: context.telemetry)
        context.components.start("the watch for copies of the machine") { await copied.run() }
    }

    private static func feedWatchdog(_ context: DaemonContext, _ actors: [any Actor]) {
        guard let interval = ServiceManager.watchdogInterval else { return }
        let watchdog = Watchdog(
            interval: interval, loops: MultiThreadedEventLoopGroup.singleton, actors: actors,
            // A manager that does not listen restarts us, whatever we do about it.
            feed: { try? ServiceManager.notify(.watchdog) })
        context.components.start("the watchdog's feeder") { await watchdog.run() }
    }

    /// In the reverse order. Pins, SAs and attachments stay.
    func stop() async {
        admin.stop()
        brokers?.stop()
        workloads?.stop()
        await node?.stop()
        await authority?.service.stop()
    }
}

extension PodshieldConfiguration.Authority? {
    fileprivate func start(_ context: DaemonContext) async throws(StartError) -> AuthorityRole? {
        guard let self else { return nil }
        return try await AuthorityRole.start(self, context)
    }
}

extension PodshieldConfiguration.Node? {
    fileprivate func raiseBarrier(_ context: DaemonContext) async throws(StartError) -> Barrier? {
        guard let self else { return nil }
        return try await Barrier.raise(self, context)
    }

    fileprivate func start(
        _ context: DaemonContext, _ barrier: Barrier?, authority: AuthorityRole?
    ) async throws(StartError) -> NodeRole? {
        guard let self, let barrier else { return nil }
        return try await NodeRole.start(self, context, barrier, authority: authority)
    }
}

extension NodeRole? {
    fileprivate func serveWorkloads(_ context: DaemonContext) async throws(StartError) -> WorkloadServer? {
        guard let self else { return nil }
        return try await WorkloadServer.start(self, context)
    }

    fileprivate func serveBrokers(_ context: DaemonContext) async throws(StartError) -> BrokerServing? {
        guard let self else { return nil }
        return try await BrokerServing.start(self, context)
    }
}
