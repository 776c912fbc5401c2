import Addressing
import Identity
import KeyAgreement
import NodeLink
import RateLimiting
import SecureTransport
import Synchronization

/// Two nodes that agree on new keys again and again, over TCP on loopback: TLS 1.3 with both certificates verified,
/// ML-KEM-768, derivation, confirmation. Both ends' work.
struct NodeHandshake {
    private let domain: BenchmarkDomain
    private let services: [NodeLinkService]

    init() throws {
        let domain = try BenchmarkDomain()
        self.domain = domain
        services = try Self.names.enumerated().map { index, name in
            let identity = domain.identity(try domain.node(name))
            return NodeLinkService(
                Self.settings(index), identity: identity, environment: try .system(), sink: NoKernel(),
                observe: { _ in })
        }
    }

    private static let names = ["node-a", "node-b"]
    private static let unlimited = Rate(burst: 1e9, perSecond: 1e9)

    private static func settings(_ index: Int) -> NodeLinkSettings {
        var settings = NodeLinkSettings(address: address(index), port: 0)
        settings.admission.ratePerSource = unlimited
        settings.admission.nodes.rate = unlimited
        return settings
    }

    private static func address(_ index: Int) -> IPAddress { IPAddress("127.0.0.\(index + 1)")! }

    func rate(for duration: Duration) async throws -> Double {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in services { group.addTask { try await service.run() } }
            let directory = try await directory()
            for service in services {
                await service.update(directory: directory)
                await service.host([])
            }
            let rate = try await rekeysPerSecond(for: duration)
            for service in services { await service.stop() }
            try await group.waitForAll()
            return rate
        }
    }

    private func directory() async throws -> Directory {
        var nodes: [Directory.Node] = []
        for (index, service) in services.enumerated() {
            nodes.append(
                Directory.Node(
                    number: NodeNumber(rawValue: UInt32(index + 1)),
                    id: try ReservedNames.node(Self.names[index], in: domain.name), address: Self.address(index),
                    linkPort: try await service.bound(), espPort: 4500))
        }
        return Directory(trustDomain: domain.name, revision: 1, nodes: nodes, leases: [], workloads: [])
    }

    private func rekeysPerSecond(for duration: Duration) async throws -> Double {
        // The first one is the connection itself.
        try await rekey()
        let start = ContinuousClock.now
        var count = 0
        while .now < start + duration {
            try await rekey()
            count += 1
        }
        return Double(count) / start.duration(to: .now).inSeconds
    }

    private func rekey() async throws {
        for outcome in await services[0].rekey(NodeNumber(rawValue: 2)) { _ = try outcome.result.get() }
    }
}

/// Keys go nowhere: what the kernel is told is no part of a handshake.
private final class NoKernel: SecurityAssociationSink {
    private let last = Mutex(SPI.lowest.rawValue)

    func reserveInbound(peer: NodeNumber, identity: NumericIdentity) async throws -> SPI {
        last.withLock {
            $0 += 1
            return SPI(rawValue: $0)
        }
    }

    func installInbound(_ sa: InboundSA) async throws {}
    func installOutbound(_ sa: OutboundSA) async throws {}
    func activateOutbound(spi: SPI, peer: NodeNumber, identity: NumericIdentity) async throws {}
    func extend(spi: SPI, direction: SADirection, peer: NodeNumber, deadline: BootNanoseconds) async throws {}
    func retireInbound(spi: SPI) async throws {}
    func retireOutbound(peer: NodeNumber, identity: NumericIdentity) async throws {}
    func bind(peer: NodeNumber, identity: NumericIdentity, addresses: [IPAddress]) async throws {}
    func unbind(peer: NodeNumber, identity: NumericIdentity, addresses: [IPAddress]) async throws {}
    func setPeer(_ node: NodeNumber, address: IPAddress, espPort: UInt16) async throws {}
    func removePeer(_ node: NodeNumber) async throws {}
    func hasReceived(spi: SPI) async -> Bool { true }
    func adopted() async -> [AdoptedSA] { [] }
}
