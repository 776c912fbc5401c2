package import Identity

/// Everything between this node and one other: who dials and when, the connection in use, what each has proved to the other,
/// and the SAs. A pure machine: it is told what happens and the time, and says what to do.
///
/// There is at most one connection with a confirmed epoch; a newer one takes its place at the moment it is confirmed. SAs belong
/// to the peer and outlive every connection.
package struct LinkPeer: Sendable {
    package private(set) var node: Directory.Node
    /// This node.
    let localID: SPIFFEID

    // Connections
    var attempts: [ConnectionID: LinkAttempt] = [:]
    var link: LinkConnection?
    var dialing: DialState
    var peerBootID: [UInt8]?
    var lastError: String?

    // What outlives them
    var inbound: [NumericIdentity: InboundHolding] = [:]
    var outbound: [NumericIdentity: OutboundAssociation] = [:]
    var retries: [NumericIdentity: AnnouncementRetry] = [:]
    var openRefusals = OpenRefusals()
    var probeAt: BootNanoseconds?
    /// When to tell the kernel side once more where the peer is; nil when it knows.
    var placeAt: BootNanoseconds?
    /// Of which of our workloads the peer may have to be told something.
    var stale = StaleIdentities()
    /// What is hosted as of this revision, the peer has answered to.
    package private(set) var acknowledgedRevision: UInt64 = 0
    /// How many inbound SAs there ever were.
    var installedAssociations: UInt64 = 0
    /// Answers of the peer after which older packets may still come.
    private var pendingAcknowledgements = PendingAcknowledgements()

    private var isLeaving = false

    // Of the input that is being handled
    private(set) var now: LinkTime
    private var actions: [LinkAction] = []

    package init(_ node: Directory.Node, localID: SPIFFEID, now: LinkTime) {
        self.node = node
        self.localID = localID
        self.now = now
        dialing = DialState(idleSince: now.boot)
    }

    /// The connection whose epoch is in use.
    package var linkID: ConnectionID? { link?.id }

    /// Statements of the peer that were refused on that connection.
    package var refusals: Int { link?.incoming.refusals ?? 0 }

    /// Whether it may still send us packets.
    package var canReachUs: Bool { link != nil || inbound.values.contains { !$0.associations.isEmpty } }

    /// Of two nodes the one with the smaller name dials what is due; the other when that does not happen.
    var isDialer: Bool { localID < node.id }

    mutating func emit(_ action: LinkAction) { actions.append(action) }
    mutating func report(_ event: LinkEvent) { actions.append(.report(event)) }

    package mutating func handle(_ input: LinkInput, at time: LinkTime, in world: inout LinkWorld) -> [LinkAction] {
        now = time
        actions = []
        take(input, &world)
        retireUnhosted(world)
        reconcile(world)
        settle(&world)
        if !isLeaving { dialIfDue(&world) }
        defer { actions = [] }
        return actions
    }

    private mutating func take(_ input: LinkInput, _ world: inout LinkWorld) {
        switch input {
        case .secured(let id, let secured): begin(id, secured, world)
        case .received(let id, let message): receive(message, on: id, &world)
        case .broken(let id, let failure): close(id, failure, world)
        case .ended(let id, let failure): end(id, failure, world)
        case .reserved(let pending, let spi): reserved(pending, spi, &world)
        case .installedInbound(let pending, let sa, let succeeded): installed(pending, sa, succeeded, &world)
        case .installedOutbound(let pending, let sa, let succeeded): switched(pending, sa, succeeded, world)
        case .bound(let pending, let succeeded): bound(pending, succeeded, &world)
        case .unbound(let identity, let addresses): world.release(addresses, of: holder(identity))
        case .placed(let succeeded): placeAt = succeeded ? nil : now.boot.adding(world.timing.overdue)
        case .heard(let spi): heard(spi, world)
        case .started(let associations):
            place()
            adopt(associations, &world)
        case .node(let node): take(node)
        case .directoryChanged: directoryChanged(&world)
        case .addressesUnbound: claimAgain(&world)
        case .trustChanged(let rootsLost): trustChanged(rootsLost, world)
        case .identityChanged: identityChanged(world)
        case .hostingChanged: stale.addAll()
        case .trafficWaits: dialing.trafficWaits(now.boot, isConnected: link != nil)
        case .rekey: dialing.force(now.boot)
        case .worn(let identity, let spi): worn(identity, spi)
        case .removed: leave(.notInDirectory(node.id))
        case .stopped: stop()
        case .tick: tick(world)
        }
    }

    private mutating func stop() {
        isLeaving = true
        closeAll(.stopped)
    }

    /// Nothing of the peer stays.
    private mutating func leave(_ failure: LinkFailure) {
        isLeaving = true
        closeAll(failure)
        for identity in inbound.keys.sorted() { drop(identity, .peerRemoved) }
        for identity in outbound.keys.sorted() { retireOutbound(identity, .peerRemoved) }
        emit(.removePeer)
    }

    private mutating func take(_ node: Directory.Node) {
        let hasMoved = node.address != self.node.address || node.espPort != self.node.espPort
        self.node = node
        if hasMoved { place() }
    }

    mutating func place() { emit(.setPeer(node.address, espPort: node.espPort)) }

    /// An address that another workload gave up is free once the peer has stopped sending there *and* nothing can be opened
    /// that it had sealed before.
    private mutating func settle(_ world: inout LinkWorld) {
        if let link, link.outgoing.isAnswered, link.outgoing.revision == world.hostingRevision {
            acknowledgedRevision = world.hostingRevision
        }
        guard canReachUs else { return world.cannotReachUs(node.number) }
        guard let wanted = world.releases.newest(awaiting: node.number) else {
            return pendingAcknowledgements.removeAll()
        }
        if acknowledgedRevision >= wanted { pendingAcknowledgements.add(wanted, after: installedAssociations) }
        let oldest = inbound.values.flatMap(\.associations).map(\.order).min() ?? .max
        if let revision = pendingAcknowledgements.take(before: oldest) {
            world.acknowledged(node.number, revision: revision)
        }
        if pendingAcknowledgements.isWaiting, world.isAddressWanted(from: node.number) {
            pendingAcknowledgements.hurry()
            dialing.hurry(now.boot)
        }
    }

    func holder(_ identity: NumericIdentity) -> AddressHoldings.Holder {
        AddressHoldings.Holder(peer: node.number, identity: identity)
    }
}
