internal import Addressing
internal import Identity
internal import KeyAgreement
internal import LinkTestSupport
internal import OpenSSLBinding

/// A node against one that TLS let in and that says whatever it likes: the messages of an honest node, changed, repeated, out
/// of order, or made up. Nothing makes ours believe what no certificate and no lease says.
func fuzzLinkPeer(_ input: [UInt8]) {
    var conversation = LinkConversation()
    var reader = InputReader(input)
    for _ in 0..<mostSteps where !reader.isAtEnd {
        conversation.step(&reader)
        conversation.check()
    }
}

private let mostSteps = 200

/// Made once: what both nodes are and may host.
private struct Cast: Sendable {
    let domain: TestDomain
    let ours: KeyedSVID
    let theirs: KeyedSVID
    let ourWorkloads: [KeyedSVID]
    let theirWorkloads: [KeyedSVID]

    static let shared: Cast = {
        do { return try Cast() } catch { fatalError("\(error)") }
    }()

    private init() throws {
        let domain = try TestDomain()
        let (ours, theirs) = (try domain.node("a"), try domain.node("b"))
        self.domain = domain
        (self.ours, self.theirs) = (ours, theirs)
        ourWorkloads = try (0..<2).map { try domain.workload("a\($0)", number: 300 + $0, on: ours.svid.id) }
        theirWorkloads = try (0..<2).map { try domain.workload("b\($0)", number: 400 + $0, on: theirs.svid.id) }
    }

    func directory(_ revision: UInt64, theirLease: String) -> Directory {
        Directory(
            trustDomain: domain.name, revision: revision, nodes: [node(1, ours), node(2, theirs)],
            leases: [Directory.Lease("10.0.1.0/24", 1), Directory.Lease(theirLease, 2)],
            workloads: (ourWorkloads + theirWorkloads).map { workload in
                Directory.Workload(number: workload.svid.binding!.identity, id: workload.svid.id, labels: [:])
            })
    }

    func node(_ number: UInt32, _ svid: KeyedSVID) -> Directory.Node {
        Directory.Node(
            number: NodeNumber(rawValue: number), id: svid.svid.id, address: IPAddress("192.0.2.\(number)")!,
            linkPort: 1, espPort: 2)
    }
}

private struct LinkConversation {
    private struct Wire {
        let ours: ConnectionID
        let theirs: ConnectionID
        let role: LinkRole
        var toUs: [[UInt8]] = []
        var toThem: [[UInt8]] = []
    }

    private let cast = Cast.shared
    private var us: LinkNode
    private var them: LinkNode
    private var wire: Wire?
    private var heard: [[UInt8]] = []
    private var connections: UInt64 = 1 << 40
    private var seconds: UInt64 = 0
    private var directory: Directory
    private var knowsAuthority = true
    /// Until now all was heard as it was said.
    private var isHonest = true

    init() {
        let now = LinkTime(boot: 1 << 40, unix: TestDomain.now)
        directory = cast.directory(1, theirLease: "10.0.2.0/24")
        us = LinkNode(cast.ours, bootID: 1, peer: directory.nodes[1], cast.domain.bundle, now)
        them = LinkNode(cast.theirs, bootID: 2, peer: directory.nodes[0], cast.domain.bundle, now)
        _ = us.world.take(directory)
        _ = them.world.take(directory)
        feedUs(.started([]))
        feedThem(.started([]))
        host(theirs: 1)
        host(ours: 1)
    }

    private var now: LinkTime {
        LinkTime(boot: 1 << 40 + seconds * 1_000_000_000, unix: TestDomain.now + Int64(seconds))
    }

    mutating func step(_ reader: inout InputReader) {
        switch reader.index(below: 16) {
        case 0...3: if let content = nextToUs() { hear(content) }
        case 4, 5: deliverToThem()
        case 6, 7: forge(nextToUs().map { reader.edited($0) })
        case 8: forge(reader.bytes(reader.index(below: 1024)))
        case 9: forge(heard.isEmpty ? nil : heard[reader.index(below: heard.count)])
        case 10: host(theirs: reader.byte())
        case 11: host(ours: reader.byte())
        case 12: pass(seconds: 1 << UInt64(reader.index(below: 8)))
        case 13: drop()
        case 14: if reader.byte() & 1 == 0 { feedUs(.rekey) } else { feedThem(.rekey) }
        default: change(reader.index(below: 4))
        }
    }

    // MARK: What happens

    private mutating func nextToUs() -> [UInt8]? {
        wire?.toUs.isEmpty == false ? wire?.toUs.removeFirst() : nil
    }

    private mutating func forge(_ content: [UInt8]?) {
        guard let content else { return }
        isHonest = false
        hear(content)
    }

    private mutating func hear(_ content: [UInt8]) {
        guard let id = wire?.ours else { return }
        heard.append(content)
        do throws(WireError) {
            if let message = try LinkMessage(content: content[...]) { feedUs(.received(id, message)) }
        } catch {
            feedUs(.broken(id, .wire(error)))
        }
    }

    private mutating func deliverToThem() {
        guard wire?.toThem.isEmpty == false, let content = wire?.toThem.removeFirst(), let id = wire?.theirs,
            let message = try? LinkMessage(content: content[...])
        else { return }
        feedThem(.received(id, message))
    }

    /// Each bit is a pod; the upper half are those of the second identity.
    private mutating func host(theirs pods: UInt8) {
        perform(them.host(Self.workloads(cast.theirWorkloads, pods, "10.0.2"), at: now), ofUs: false)
    }

    private mutating func host(ours pods: UInt8) {
        perform(us.host(Self.workloads(cast.ourWorkloads, pods, "10.0.1"), at: now), ofUs: true)
    }

    private static func workloads(_ svids: [KeyedSVID], _ pods: UInt8, _ network: String) -> [HostedWorkload] {
        svids.enumerated().compactMap { index, svid in
            let bits = pods >> UInt8(index * 4) & 15
            let addresses = (0..<4).filter { bits >> UInt8($0) & 1 == 1 }.map { IPAddress("\(network).\($0 + 1)")! }
            return HostedWorkload(svid: svid, addresses: Set(addresses))
        }
    }

    private mutating func pass(seconds: UInt64) {
        self.seconds += seconds
        feedUs(.tick)
        feedThem(.tick)
    }

    private mutating func drop() {
        guard let wire else { return }
        self.wire = nil
        feedUs(.ended(wire.ours, .transport("dropped")))
        feedThem(.ended(wire.theirs, .transport("dropped")))
    }

    private mutating func change(_ what: Int) {
        switch what {
        case 0, 1:
            directory = cast.directory(directory.revision + 1, theirLease: what == 0 ? "10.0.2.0/24" : "10.0.3.0/24")
            if us.world.take(directory) { feedUs(.directoryChanged) }
        default:
            knowsAuthority = what == 2
            let bundle = knowsAuthority ? cast.domain.bundle : .empty(cast.domain.name)
            feedUs(.trustChanged(rootsLost: us.world.take(bundle)))
        }
    }

    // MARK: Effects

    private mutating func feedUs(_ input: LinkInput) { perform(us.handle(input, at: now), ofUs: true) }
    private mutating func feedThem(_ input: LinkInput) { perform(them.handle(input, at: now), ofUs: false) }

    private mutating func perform(_ effects: [LinkNode.Effect], ofUs: Bool) {
        for effect in effects {
            switch effect {
            case .dial(let id): connect(id, ofUs: ofUs)
            case .send(let id, let message):
                let content = Array(message.frame.dropFirst(4))
                if ofUs, wire?.ours == id { wire?.toThem.append(content) }
                if !ofUs, wire?.theirs == id { wire?.toUs.append(content) }
            case .close(let id):
                if (ofUs ? wire?.ours : wire?.theirs) == id { closed(ofUs: ofUs) }
            }
        }
    }

    /// A new connection takes the place of the one there is.
    private mutating func connect(_ dialled: ConnectionID, ofUs: Bool) {
        drop()
        connections += 1
        let accepted = ConnectionID(rawValue: connections)
        wire = Wire(
            ours: ofUs ? dialled : accepted, theirs: ofUs ? accepted : dialled, role: ofUs ? .client : .server)
        let secret = SHA256Digest.hash((0..<8).map { UInt8(truncatingIfNeeded: connections >> ($0 * 8)) })
        guard let wire else { return }
        feedUs(.secured(wire.ours, secured(wire.role, cast.ours, cast.theirs, secret)))
        feedThem(
            .secured(wire.theirs, secured(wire.role == .client ? .server : .client, cast.theirs, cast.ours, secret)))
    }

    private mutating func closed(ofUs: Bool) {
        guard let wire else { return }
        self.wire = nil
        if ofUs {
            feedThem(.ended(wire.theirs, .transport("closed")))
        } else {
            feedUs(.ended(wire.ours, .transport("closed")))
        }
    }

    private func secured(
        _ role: LinkRole, _ local: KeyedSVID, _ peer: KeyedSVID, _ secret: [UInt8]
    ) -> SecuredConnection {
        let exporter = Exporter { label, context, length in
            let block = SHA256Digest.hash(secret + Array(label.utf8) + [0] + context)
            return SecretBytes((0..<length).map { block[$0 % block.count] })
        }
        return SecuredConnection(
            role: role, localSVID: local.svid, peerSVID: peer.svid, exporter: exporter, tlsGroup: "X25519",
            tlsCipherSuite: "TLS_AES_256_GCM_SHA384")
    }

    // MARK: What must hold

    func check() {
        let theirs = Set(cast.theirWorkloads.map { $0.svid.binding!.identity })
        let ours = Set(cast.ourWorkloads.map { $0.svid.binding!.identity })
        precondition(
            us.inbound.values.allSatisfy { theirs.contains($0.identity) && $0.peer == directory.nodes[1].number })
        precondition(us.outbound.keys.allSatisfy(ours.contains))
        for (address, identity) in us.bindings {
            precondition(theirs.contains(identity), "an identity that the peer cannot have")
            precondition(
                directory.holder(of: address) == directory.nodes[1].number, "an address that another node leases")
        }
        precondition(us.inbound.count <= theirs.count * 4)
        precondition(knowsAuthority || us.inbound.isEmpty, "what nobody vouches for")
        if isHonest { checkKeys() }
    }

    /// What an honest node seals with is, as far as we have it still, what we open with.
    private func checkKeys() {
        for sa in them.outbound.values {
            guard let opened = us.inbound[sa.spi] else { continue }
            precondition(opened.identity == sa.identity && SecretBytes.constantTimeEqual(opened.key, sa.key))
        }
    }
}
