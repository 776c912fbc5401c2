public import Addressing
public import Identity
public import KeyAgreement
internal import NIOCore
public import SecureTransport

/// Links with the other nodes of the directory: agrees on keys with them, proves what this node hosts, and tells the kernel
/// side what they proved. Decides nothing: that do the peers' machines, one each, whose actions it performs in order.
public actor NodeLinkService {
    public nonisolated let settings: NodeLinkSettings
    nonisolated let identity: TransportIdentity
    nonisolated let environment: NodeLinkEnvironment
    nonisolated let sink: any SecurityAssociationSink
    nonisolated let observe: @Sendable (NodeLinkEvent) -> Void
    nonisolated let admission: AdmissionControl

    enum State {
        case new
        case starting
        case bound(UInt16)
        case failed(NodeLinkError)
        case stopped
    }

    var state = State.new
    var world: LinkWorld
    /// Directories that come late change nothing.
    private var isShutOut = false
    var runners: [NodeNumber: PeerRunner] = [:]
    var connections: [ConnectionID: Connection] = [:]
    /// What an earlier run left, until its peer is known.
    var adopted: [NodeNumber: [AdoptedSA]] = [:]
    /// Who had SAs of it, and may still take what it hosted for what it was.
    var heirs: Set<NodeNumber> = []
    var waiters = Waiters()
    nonisolated let events: AsyncStream<ChannelEvent>
    nonisolated let eventSource: AsyncStream<ChannelEvent>.Continuation
    /// Says that addresses have left quarantine: `host` again tells which. For one listener, who also hears what happened
    /// before he listened or while he was busy, as one. Ends with the service.
    public nonisolated let addressesFreed: AsyncStream<Void>
    nonisolated let freedSource: AsyncStream<Void>.Continuation

    /// - Parameters:
    ///   - identity: the node's own SVID and whom it trusts.
    ///   - observe: is told what happens, from any thread; it must not block.
    public init(
        _ settings: NodeLinkSettings, identity: TransportIdentity, environment: NodeLinkEnvironment,
        sink: any SecurityAssociationSink, observe: @escaping @Sendable (NodeLinkEvent) -> Void
    ) {
        self.settings = settings
        self.identity = identity
        self.environment = environment
        self.sink = sink
        self.observe = observe
        admission = AdmissionControl(settings.admission)
        world = LinkWorld(
            epoch: settings.epoch, preconnect: settings.preconnect, timing: settings.timing,
            entropy: environment.entropy, bootID: environment.bootID, bundle: identity.bundle())
        world.protected = settings.protected
        (events, eventSource) = AsyncStream.makeStream()
        (addressesFreed, freedSource) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: Life

    /// Serves until the task is cancelled or `stop` is called. Takes over what `sink.adopted()` tells, binds the port, then
    /// dials. SAs stay when it ends.
    public func run() async throws(NodeLinkError) {
        guard case .new = state else { throw .alreadyRun }
        guard settings.epoch >= NodeLinkSettings.shortestEpoch else { throw fail(.epochTooShort(settings.epoch)) }
        state = .starting
        adopted = Dictionary(grouping: await sink.adopted(), by: \.peer)
        heirs = Set(adopted.keys)
        let listener: any Channel
        do throws(NodeLinkError) {
            listener = try await listen()
        } catch {
            throw fail(error)
        }
        let port = UInt16(listener.localAddress?.port ?? 0)
        state = .bound(port)
        waiters.resumeBound(.success(port))
        _ = world.take(identity.bundle())
        syncPeers()
        for await event in events { take(event) }
        listener.close(promise: nil)
        await leave()
    }

    private func fail(_ error: NodeLinkError) -> NodeLinkError {
        state = .failed(error)
        waiters.resumeBound(.failure(error))
        return error
    }

    /// The TCP port, once it is bound; what `run` threw if it could not be.
    public func bound() async throws(NodeLinkError) -> UInt16 {
        switch state {
        case .bound(let port): return port
        case .failed(let error): throw error
        case .stopped: throw .alreadyRun
        case .new, .starting:
            let result = await withCheckedContinuation { waiters.bound.append($0) }
            return try result.get()
        }
    }

    /// Says goodbye to peers and ends `run`. SAs stay installed and traffic goes on.
    public func stop() async {
        eventSource.finish()
        guard isRunning else { return }
        await withCheckedContinuation { waiters.stopped.append($0) }
    }

    var isRunning: Bool {
        if case .bound = state { true } else { false }
    }

    private func leave() async {
        let channels = connections.values.compactMap(\.channel)
        for number in runners.keys { stop(number) }
        state = .stopped
        waiters.end()
        freedSource.finish()
        await withDiscardingTaskGroup { group in
            for channel in channels { group.addTask { await channel.closed() } }
        }
        waiters.resumeStopped()
    }

    // MARK: What the composition tells

    /// Who the nodes are and who may speak for which addresses. Older revisions are ignored.
    public func update(directory: Directory) {
        guard !isShutOut, world.take(directory) else { return }
        admission.know(Set(directory.nodes.map(\.address)))
        if identity.bundle() != world.bundle { bundleChanged() }
        syncPeers()
        enqueueAll(.directoryChanged)
    }

    /// Lets go of every node, of keys and addresses, until this one is let in again: it has been shut out.
    public func shutOut() {
        isShutOut = true
        world.forgetDirectory()
        for number in runners.keys { enqueue(.removed, to: number) }
        forgetStrangers()
    }

    /// - Parameter directory: nil where there is none yet.
    public func letIn(directory: Directory?) {
        isShutOut = false
        if let directory { update(directory: directory) }
    }

    /// What pods' addresses may be; empty for no such limit.
    public func update(protected: [IPPrefix]) {
        world.protected = protected
        enqueueAll(.directoryChanged)
    }

    /// Something in `identity.bundle` has changed: all that rests on it is verified again.
    public func bundleChanged() {
        let rootsLost = world.take(identity.bundle())
        syncPeers()
        enqueueAll(.trustChanged(rootsLost: rootsLost))
    }

    /// The node's own SVID was renewed: the epochs are renewed with it.
    public func identityChanged() {
        syncPeers()
        enqueueAll(.identityChanged)
    }

    /// What an earlier run hosted, or had given up without every peer's knowing. To be told before the first `host`.
    public func inherit(_ holdings: Set<FormerHolding>) { world.inherit(holdings) }

    /// All that this node hosts. What is missing, compared with the last call or with what an earlier run left, is
    /// withdrawn. Nothing is announced before the first call, so call it also with nothing.
    ///
    /// Returns when every connected peer has acknowledged, or after `timing.acknowledgement`.
    @discardableResult
    public func host(_ workloads: [HostedWorkload]) async -> HostingOutcome {
        world.host(workloads, reachable: reachableFrom)
        let revision = world.hostingRevision
        enqueueAll(.hostingChanged)
        await untilAcknowledged(revision)
        return HostingOutcome(
            unacknowledged: unacknowledged(revision), quarantined: world.quarantined, released: world.released)
    }

    /// Peers that may send to what is hosted. Heirs have not been heard yet, and say themselves when they cannot.
    private var reachableFrom: Set<NodeNumber> {
        Set(runners.filter { $0.value.machine.canReachUs || heirs.contains($0.key) }.keys).union(adopted.keys)
    }

    /// A packet to this node met no session: dial now.
    public func trafficWaits(for node: NodeNumber) { enqueue(.trafficWaits, to: node) }

    /// An outbound SA has carried as much as one should: the next epoch with the node is due. One that is not used any more
    /// is no error.
    public func worn(_ spi: SPI, of identity: NumericIdentity, to node: NodeNumber) {
        enqueue(.worn(identity, spi), to: node)
    }

    // MARK: What it tells

    public func peers() -> [PeerStatus] {
        runners.values.map(\.machine.status).sorted { $0.node < $1.node }
    }

    /// New epochs with this node, or with every one of the directory. Returns when each is confirmed or has failed.
    public func rekey(_ node: NodeNumber?) async -> [RekeyOutcome] {
        let nodes = node.map { [$0] } ?? Array(runners.keys)
        return await withTaskGroup(of: RekeyOutcome.self) { group in
            for node in nodes { group.addTask { RekeyOutcome(node: node, result: await self.rekeyed(node)) } }
            var outcomes: [RekeyOutcome] = []
            for await outcome in group { outcomes.append(outcome) }
            return outcomes.sorted { $0.node < $1.node }
        }
    }
}

/// What became of `host`.
public struct HostingOutcome: Sendable, Equatable {
    /// Connected peers that have not answered in time.
    public let unacknowledged: [NodeNumber]
    /// Addresses that were another identity's and may still be reached as such: packets to them must not be delivered yet.
    /// They are announced, and leave this set, by themselves; `addressesFreed` says when.
    public let quarantined: Set<IPAddress>
    /// What was given up and may still be taken for the former holder's: a next run has to inherit it.
    public let released: Set<FormerHolding>
}

public struct RekeyOutcome: Sendable {
    public let node: NodeNumber
    public let result: Result<EpochID, LinkFailure>
}
