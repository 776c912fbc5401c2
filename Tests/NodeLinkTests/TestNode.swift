import Addressing
import Identity
import KeyAgreement
import LinkTestSupport
import OpenSSLBinding
import SecureTransport
import Synchronization
import Testing

@testable import NodeLink

/// One service on loopback, its kernel side a record.
final class TestNode: Sendable {
    let name: String
    let number: UInt32
    let domain: TestDomain
    let svid: KeyedSVID
    let sink: RecordingSink
    let service: NodeLinkService
    let address: IPAddress
    let port: UInt16
    private let running: Task<Void, any Error>
    private let log: Events

    final class Events: Sendable {
        private let events = Mutex<[NodeLinkEvent]>([])
        func add(_ event: NodeLinkEvent) { events.withLock { $0.append(event) } }
        var all: [NodeLinkEvent] { events.withLock { $0 } }
    }

    /// - Parameter sink: what an earlier run left.
    init(
        _ name: String, _ number: UInt32, _ domain: TestDomain, sink: RecordingSink? = nil,
        address: IPAddress = "127.0.0.1", port: UInt16 = 0, svid: KeyedSVID? = nil,
        handshake: Duration? = nil, admission change: (inout AdmissionLimits) -> Void = { _ in }
    ) async throws {
        self.name = name
        self.number = number
        self.domain = domain
        self.address = address
        let svid = try svid ?? domain.node(name)
        self.svid = svid
        self.sink = sink ?? RecordingSink(firstSPI: number << 16)
        var settings = NodeLinkSettings(address: address, port: port)
        change(&settings.admission)
        if let handshake { settings.timing.handshake = handshake }
        settings.timing.overdue = .seconds(1)
        // A busy machine is no peer that does not answer.
        settings.timing.acknowledgement = .seconds(30)
        settings.timing.grace = .milliseconds(100)
        settings.timing.shortestBackoff = .milliseconds(50)
        let bundle = domain.bundle
        let identity = TransportIdentity(current: { svid }, bundle: { bundle }, now: { TestDomain.now })
        let log = Events()
        let service = NodeLinkService(
            settings, identity: identity, environment: try .system(), sink: self.sink, observe: log.add)
        self.log = log
        self.service = service
        running = Task { try await service.run() }
        self.port = try await service.bound()
    }

    func stop() async {
        await service.stop()
        _ = try? await running.value
    }

    func host(_ account: String, _ identity: UInt32, at addresses: Set<IPAddress>) async throws -> HostingOutcome {
        let svid = try domain.workload(account, number: identity, on: svid.svid.id)
        return await service.host([try #require(HostedWorkload(svid: svid, addresses: addresses))])
    }

    /// Hosts it again whenever addresses are said to be free, until these are.
    func hostUntilFree(_ account: String, _ identity: UInt32, at addresses: Set<IPAddress>) async throws {
        for await _ in service.addressesFreed where try await host(account, identity, at: addresses).quarantined.isEmpty
        {
            return
        }
        throw Vain()
    }

    var events: [NodeLinkEvent] { log.all }

    func saw(_ matches: (LinkEvent) -> Bool) -> Bool {
        events.contains { if case .peer(_, _, let event) = $0 { matches(event) } else { false } }
    }

    func status(of node: TestNode) async -> PeerStatus? {
        await service.peers().first { $0.node.rawValue == node.number }
    }
}

/// Tells all of one another; each has a lease of 10.0.<number>.0/24.
func introduce(
    _ nodes: [TestNode], revision: UInt64 = 1, except absent: [TestNode] = [], with others: [Directory.Node] = []
) async {
    let entries = nodes.filter { node in !absent.contains { $0 === node } }.map {
        Directory.Node(
            number: NodeNumber(rawValue: $0.number), id: $0.svid.svid.id, address: $0.address, linkPort: $0.port,
            espPort: 4500)
    }
    let directory = Directory(
        trustDomain: nodes[0].domain.name, revision: revision, nodes: entries + others,
        leases: nodes.map { Directory.Lease("10.0.\($0.number).0/24", $0.number) }, workloads: [])
    for node in nodes { await node.service.update(directory: directory) }
}

/// Waits until it is so; a test that waits in vain fails.
func eventually(
    _ what: String, within limit: Duration = .seconds(20), sourceLocation: SourceLocation = #_sourceLocation,
    _ isSo: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
        if try await isSo() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("not within \(limit): \(what)", sourceLocation: sourceLocation)
    throw Vain()
}

struct Vain: Error {}

extension InboundSA {
    var copy: [UInt8] { unsafe key.withUnsafeBytes { unsafe Array($0) } }
}

extension OutboundSA {
    var copy: [UInt8] { unsafe key.withUnsafeBytes { unsafe Array($0) } }
}
