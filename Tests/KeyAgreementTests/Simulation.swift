import Addressing
import Crypto
import Identity
import LinkTestSupport
import OpenSSLBinding
import Testing

@testable import KeyAgreement

/// Nodes and the connections between them, under one clock. What was sent arrives when a test lets it, in any order over
/// different connections and in order on each.
final class Simulation {
    /// One connection, as TLS would have authenticated it.
    final class Wire {
        let client: (node: SimulatedNode, id: ConnectionID)
        let server: (node: SimulatedNode, id: ConnectionID)
        let secret: [UInt8]
        var toClient: [Delivery] = [.secured]
        var toServer: [Delivery] = [.secured]
        var clientIsOpen = true
        var serverIsOpen = true

        init(_ client: (SimulatedNode, ConnectionID), _ server: (SimulatedNode, ConnectionID), _ secret: [UInt8]) {
            self.client = client
            self.server = server
            self.secret = secret
        }

        func contains(_ node: SimulatedNode) -> Bool { client.node === node || server.node === node }
        var isOpen: Bool { clientIsOpen || serverIsOpen }
    }

    enum Delivery {
        case secured
        case frame([UInt8])
        case closed(LinkFailure)
    }

    let domain: TestDomain
    let epoch: Duration
    let nodeLifetime: Duration
    private(set) var nodes: [SimulatedNode] = []
    var wires: [Wire] = []
    var directory: Directory
    private(set) var elapsed: UInt64 = 0
    /// Seconds by which the wall clock was set.
    var clockOffset: Int64 = 0
    /// Nodes that cannot be connected to.
    var unreachable: Set<NodeNumber> = []
    /// Changes what is delivered; nil swallows it.
    var tamper: ((Wire, LinkRole, [UInt8]) -> [UInt8]?)?
    private var lastIncoming: UInt64 = 1 << 40
    /// Whether a sender's SA is known at its receiver, checked at every step.
    var expectsContinuity = true

    let entropy = Entropy(
        bytes: { count in (0..<count).map { _ in UInt8.random(in: 0...255) } },
        encapsulate: { key in
            guard let result = try? MLKEM768.PublicKey(rawRepresentation: key).encapsulate() else { return nil }
            return EncapsulatedSecret(
                ciphertext: Array(result.encapsulated), secret: SecretBytes(result.sharedSecret.copy))
        })

    init(epoch: Duration = .seconds(3600), nodeLifetime: Duration = .seconds(86400)) throws {
        domain = try TestDomain()
        self.epoch = epoch
        self.nodeLifetime = nodeLifetime
        directory = Directory(trustDomain: domain.name, revision: 0, nodes: [], leases: [], workloads: [])
    }

    var now: LinkTime {
        LinkTime(boot: 1_000_000_000_000 + elapsed, unix: TestDomain.now + Int64(elapsed / 1_000_000_000) + clockOffset)
    }

    /// Two nodes, `a` the smaller name, each with a lease of 10.0.<number>.0/24.
    static func pair(epoch: Duration = .seconds(3600), preconnect: Bool = true) throws
        -> (Simulation, SimulatedNode, SimulatedNode)
    {
        let network = try Simulation(epoch: epoch)
        let a = try network.add("a", preconnect: preconnect)
        let b = try network.add("b", preconnect: preconnect)
        network.publish()
        return (network, a, b)
    }

    /// Two nodes with a connection; `a` hosts a workload at these addresses.
    static func connected(_ addresses: Set<IPAddress> = ["10.0.1.1"]) throws
        -> (Simulation, SimulatedNode, SimulatedNode)
    {
        let (network, a, b) = try pair()
        a.host([try a.workload(at: addresses)])
        b.host([])
        network.settle()
        return (network, a, b)
    }

    func add(
        _ name: String, preconnect: Bool = true, versions: ClosedRange<UInt8> = LinkVersions.spoken
    ) throws -> SimulatedNode {
        let number = UInt32(nodes.count + 1)
        let node = try SimulatedNode(name, number, self, preconnect: preconnect, versions: versions)
        nodes.append(node)
        directory.nodes.append(
            Directory.Node(
                number: node.number, id: node.id, address: IPAddress("192.0.2.\(number)")!, linkPort: 1, espPort: 2))
        directory.leases.append(Directory.Lease("10.0.\(number).0/24", number))
        return node
    }

    /// Everybody learns the directory as it is now.
    func publish() {
        directory.revision += 1
        for node in nodes { node.learn(directory) }
    }

    // MARK: Connections

    func dial(_ node: SimulatedNode, _ id: ConnectionID, _ peer: NodeNumber, _ name: SPIFFEID) {
        guard let other = nodes.first(where: { $0.number == peer }), !unreachable.contains(peer), other.id == name
        else {
            let wire = Wire((node, id), (node, ConnectionID(rawValue: 0)), [])
            wire.serverIsOpen = false
            wire.toServer = []
            wire.toClient = [.closed(.transport("unreachable"))]
            return wires.append(wire)
        }
        lastIncoming += 1
        wires.append(Wire((node, id), (other, ConnectionID(rawValue: lastIncoming)), entropy.bytes(32)))
    }

    func send(_ node: SimulatedNode, _ id: ConnectionID, _ frame: [UInt8]) {
        guard let (wire, role) = find(node, id) else { return }
        if role == .client { wire.toServer.append(.frame(frame)) } else { wire.toClient.append(.frame(frame)) }
    }

    func close(_ node: SimulatedNode, _ id: ConnectionID, _ failure: LinkFailure) {
        guard let (wire, role) = find(node, id) else { return }
        var goodbye: [Delivery] = failure.closeReason.map { [.frame(LinkMessage.close($0).frame)] } ?? []
        goodbye.append(.closed(.transport("closed")))
        if role == .client {
            wire.clientIsOpen = false
            wire.toClient = []
            wire.toServer += goodbye
        } else {
            wire.serverIsOpen = false
            wire.toServer = []
            wire.toClient += goodbye
        }
    }

    /// Connections break without a word.
    func drop(_ matches: (Wire) -> Bool = { _ in true }) {
        for wire in wires where matches(wire) {
            wire.toClient = [.closed(.transport("broken"))]
            wire.toServer = [.closed(.transport("broken"))]
        }
    }

    /// The node's process has gone; nobody is left there to hear anything.
    func abandon(_ node: SimulatedNode) {
        for wire in wires where wire.contains(node) {
            if wire.client.node === node { wire.clientIsOpen = false } else { wire.serverIsOpen = false }
            wire.toClient = [.closed(.transport("reset"))]
            wire.toServer = [.closed(.transport("reset"))]
        }
    }

    private func find(_ node: SimulatedNode, _ id: ConnectionID) -> (Wire, LinkRole)? {
        for wire in wires {
            if wire.client.node === node, wire.client.id == id, wire.clientIsOpen { return (wire, .client) }
            if wire.server.node === node, wire.server.id == id, wire.serverIsOpen { return (wire, .server) }
        }
        return nil
    }

    // MARK: Deliveries

    /// Connections with something to deliver, by the end that gets it.
    var deliverable: [(Wire, LinkRole)] {
        wires.flatMap { wire in
            (wire.toClient.isEmpty || !wire.clientIsOpen ? [] : [(wire, LinkRole.client)])
                + (wire.toServer.isEmpty || !wire.serverIsOpen ? [] : [(wire, LinkRole.server)])
        }
    }

    func deliver(_ wire: Wire, to role: LinkRole) {
        let (node, id) = role == .client ? wire.client : wire.server
        let other = role == .client ? wire.server.node : wire.client.node
        let item = role == .client ? wire.toClient.removeFirst() : wire.toServer.removeFirst()
        switch item {
        case .secured: node.feed(.secured(id, secured(wire, role, node, other)), other.number)
        case .frame(let frame):
            guard let frame = tamper?(wire, role, frame) ?? (tamper == nil ? frame : nil) else { return }
            do throws(WireError) {
                if let message = try LinkMessage(content: frame[4...]) {
                    node.feed(.received(id, message), other.number)
                }
            } catch {
                node.feed(.broken(id, .wire(error)), other.number)
            }
        case .closed(let failure):
            if role == .client { wire.clientIsOpen = false } else { wire.serverIsOpen = false }
            // A dial that failed has no other end.
            let peer = wire.secret.isEmpty ? node.peers.first { $0.value.attempts[id] != nil }?.key : other.number
            if let peer { node.feed(.ended(id, failure), peer) }
        }
        wires.removeAll { !$0.isOpen }
    }

    private func secured(
        _ wire: Wire, _ role: LinkRole, _ node: SimulatedNode, _ other: SimulatedNode
    ) -> SecuredConnection {
        let secret = wire.secret
        let exporter = Exporter { label, context, length in
            let input = secret + Array(label.utf8) + [0] + context
            let output = HKDF<SHA256>.deriveKey(
                inputKeyMaterial: SymmetricKey(data: input), outputByteCount: length)
            return SecretBytes(output.copy)
        }
        return SecuredConnection(
            role: role, localSVID: node.svid.svid, peerSVID: other.svid.svid, exporter: exporter, tlsGroup: "X25519",
            tlsCipherSuite: "TLS_AES_256_GCM_SHA384")
    }

    /// Delivers all there is, in the order of the generator.
    func settle(limit: Int = 10_000) {
        var generator = SystemRandomNumberGenerator()
        settle(&generator, limit: limit)
    }

    func settle(_ generator: inout some RandomNumberGenerator, limit: Int = 10_000) {
        for _ in 0..<limit {
            guard let (wire, role) = deliverable.randomElement(using: &generator) else { return }
            deliver(wire, to: role)
        }
        Issue.record("the nodes do not come to rest")
    }

    /// Lets time pass, each alarm in its time, and delivers what follows.
    func advance(_ duration: Duration) {
        let end = elapsed + duration.nanoseconds
        for _ in 0..<10_000 {
            let alarm = nodes.flatMap { node in node.peers.values.compactMap { $0.nextWake(node.world) } }.min() ?? .max
            guard alarm <= 1_000_000_000_000 + end else { break }
            elapsed = max(elapsed, alarm - 1_000_000_000_000)
            for node in nodes { node.feedAll(.tick) }
            settle()
        }
        elapsed = end
        for node in nodes { node.feedAll(.tick) }
        settle()
    }

    /// Time passes, and nobody is told.
    func sleep(_ duration: Duration) { elapsed += duration.nanoseconds }

    /// Whether senders use their SAs all the time.
    var hasTraffic = false

    func carriesTraffic(_ spi: SPI, to node: SimulatedNode) -> Bool {
        hasTraffic && nodes.contains { $0.sink.outbound.contains { $0.key.peer == node.number && $0.value.spi == spi } }
    }

    // MARK: What must always hold

    /// What is sealed can be opened: every SA in use is installed at its receiver with the same key and identity.
    func checkInvariants() {
        guard expectsContinuity else { return }
        for node in nodes {
            for (flow, sa) in node.sink.outbound {
                guard let receiver = nodes.first(where: { $0.number == flow.peer }) else { continue }
                guard let other = receiver.sink.inbound[sa.spi] else {
                    Issue.record("\(node.name) seals with \(sa.spi), which \(receiver.name) does not have")
                    continue
                }
                #expect(other.key.copy == sa.key.copy && other.salt.copy == sa.salt.copy)
                #expect(other.identity == flow.identity && other.peer == node.number)
            }
        }
    }
}

extension SymmetricKey {
    var copy: [UInt8] { unsafe withUnsafeBytes { unsafe Array($0) } }
}
