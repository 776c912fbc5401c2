import Addressing
import Identity
import LinkTestSupport

@testable import KeyAgreement

/// A node whose machines are real and whose sockets, kernel and clock are not.
final class SimulatedNode {
    let name: String
    let number: NodeNumber
    var svid: KeyedSVID
    var world: LinkWorld
    var peers: [NodeNumber: LinkPeer] = [:]
    var sink = SimulatedSink()
    var events: [LinkEvent] = []
    unowned let network: Simulation
    /// Seconds by which its wall clock differs from the others'.
    var clockOffset: Int64 = 0
    /// Versions of the wire that its program speaks, from its next start.
    var versions: ClosedRange<UInt8>

    init(
        _ name: String, _ number: UInt32, _ network: Simulation, preconnect: Bool, versions: ClosedRange<UInt8>
    ) throws {
        self.versions = versions
        self.name = name
        self.number = NodeNumber(rawValue: number)
        self.network = network
        svid = try network.domain.node(name, lifetime: network.nodeLifetime)
        world = LinkWorld(
            epoch: network.epoch, preconnect: preconnect, timing: LinkTiming(), entropy: network.entropy,
            bootID: Array(repeating: UInt8(number), count: 16), bundle: network.domain.bundle, versions: versions)
    }

    var id: SPIFFEID { svid.svid.id }

    private var now: LinkTime { LinkTime(boot: network.now.boot, unix: network.now.unix + clockOffset) }

    /// What it has said of announcements that it does not believe.
    var refusals: [RefusalReason] {
        events.compactMap { if case .refused(_, let reason, _, _) = $0 { reason } else { nil } }
    }

    // MARK: What the composition does

    func learn(_ directory: Directory) {
        guard world.take(directory) else { return }
        for number in peers.keys.sorted() where directory.node(number) == nil {
            feed(.removed, number)
            peers[number] = nil
        }
        for node in directory.nodes where node.number != number {
            if peers[node.number] == nil {
                peers[node.number] = LinkPeer(node, localID: id, now: now)
                let adopted = sink.adopted { network.carriesTraffic($0, to: self) }
                feed(.started(adopted.filter { $0.peer == node.number }), node.number)
            } else {
                feed(.node(node), node.number)
            }
        }
        feedAll(.directoryChanged)
    }

    func host(_ workloads: [HostedWorkload]) {
        world.host(workloads, reachable: Set(peers.filter { $0.value.canReachUs }.keys))
        feedAll(.hostingChanged)
    }

    /// A new process on the same machine: machines and connections are gone, the kernel side stays.
    func restart() {
        network.abandon(self)
        world = LinkWorld(
            epoch: network.epoch, preconnect: true, timing: LinkTiming(), entropy: network.entropy,
            bootID: world.bootID, bundle: world.bundle, versions: versions)
        peers = [:]
        learn(network.directory)
    }

    /// The machine itself starts anew.
    func reboot() {
        sink = SimulatedSink()
        world = LinkWorld(
            epoch: network.epoch, preconnect: true, timing: LinkTiming(), entropy: network.entropy,
            bootID: network.entropy.bytes(16), bundle: world.bundle, versions: versions)
        network.abandon(self)
        peers = [:]
        learn(network.directory)
    }

    // MARK: As the driver does

    func feedAll(_ input: LinkInput) {
        for number in peers.keys.sorted() { feed(input, number) }
    }

    func feed(_ input: LinkInput, _ peer: NodeNumber) {
        let (freed, unbound) = (world.freedAddresses, world.unboundAddresses)
        var queue = [input]
        while !queue.isEmpty {
            let next = queue.removeFirst()
            let actions = peers[peer]?.handle(next, at: now, in: &world) ?? []
            queue = actions.compactMap { perform($0, peer) } + queue
            network.checkInvariants()
        }
        if world.freedAddresses != freed { feedAll(.hostingChanged) }
        if world.unboundAddresses != unbound { feedAll(.addressesUnbound) }
    }

    private func perform(_ action: LinkAction, _ peer: NodeNumber) -> LinkInput? {
        switch action {
        case .dial(let id, _, _, let name): network.dial(self, id, peer, name)
        case .send(let id, let message): network.send(self, id, message.frame)
        case .close(let id, let failure): network.close(self, id, failure)
        case .reserveInbound(let pending):
            return .reserved(pending, sink.reserve(.init(peer: peer, identity: pending.identity)))
        case .installInbound(let sa, let addresses, let pending):
            let succeeded = sink.install(sa, binding: addresses)
            return .installedInbound(pending, sa, succeeded: succeeded)
        case .installOutbound(let sa, let pending):
            return .installedOutbound(pending, sa, succeeded: sink.install(sa))
        case .extend(let spi, .inbound, let deadline): sink.inboundDeadlines[spi] = deadline
        case .extend(let spi, .outbound, let deadline):
            let flow = sink.outbound.first { $0.value.spi == spi && $0.key.peer == peer }?.key
            if let flow { sink.outboundDeadlines[flow] = deadline }
        case .retireInbound(let spi): sink.retire(spi)
        case .retireOutbound(let identity): sink.outbound[.init(peer: peer, identity: identity)] = nil
        case .bind(let binding):
            let succeeded = sink.bind(binding.addresses, to: .init(peer: peer, identity: binding.identity))
            return .bound(binding, succeeded: succeeded)
        case .unbind(let identity, let addresses):
            sink.unbind(addresses, of: .init(peer: peer, identity: identity))
            return .unbound(identity, addresses)
        case .setPeer:
            guard !sink.hasNoRoute else { return .placed(succeeded: false) }
            sink.peers.insert(peer)
            return .placed(succeeded: true)
        case .removePeer: sink.peers.remove(peer)
        case .probe(let spi):
            return sink.heard.contains(spi) || network.carriesTraffic(spi, to: self) ? .heard(spi) : nil
        case .report(let event): events.append(event)
        }
        return nil
    }
}
