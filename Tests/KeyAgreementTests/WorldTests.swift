import Addressing
import Identity
import LinkTestSupport
import Testing

@testable import KeyAgreement

/// Leases, releases and time, apart from any peer.
@Suite struct WorldTests {
    private let one = NodeNumber(rawValue: 1)
    private let two = NodeNumber(rawValue: 2)

    // MARK: Leases

    @Test func theNewestLeaseHolds() {
        let index = LeaseIndex([
            Directory.Lease("10.0.0.0/8", 1, generation: 5), Directory.Lease("10.1.0.0/16", 2, generation: 4),
            Directory.Lease("10.2.0.0/16", 2, generation: 6), Directory.Lease("10.2.3.4/32", 1, generation: 7),
            Directory.Lease("fd00::/8", 2, generation: 1),
        ])
        for (address, node) in [("10.1.0.1", one), ("10.2.0.1", two), ("10.2.3.4", one), ("fd12::1", two)] {
            #expect(index.holder(of: IPAddress(stringLiteral: address)) == .node(node), "\(address)")
        }
        #expect(index.holder(of: "11.0.0.1") == .nobody && index.holder(of: "fc00::1") == .nobody)
        // The families are apart, though one is mapped into the other.
        #expect(LeaseIndex([Directory.Lease("::/0", 1)]).holder(of: "10.0.0.1") == .nobody)
    }

    @Test func equalGenerationsAreAConflict() {
        func holder(_ leases: Directory.Lease...) -> LeaseIndex.Holder { LeaseIndex(leases).holder(of: "10.0.0.1") }
        let first = Directory.Lease("10.0.0.0/24", 1, generation: 3)
        #expect(holder(first, Directory.Lease("10.0.0.0/24", 2, generation: 3)) == .conflict)
        #expect(holder(first, Directory.Lease("10.0.0.0/16", 2, generation: 3)) == .conflict)
        #expect(holder(first, Directory.Lease("10.0.0.0/16", 1, generation: 3)) == .node(one))
        #expect(
            holder(
                first, Directory.Lease("10.0.0.0/24", 2, generation: 3),
                Directory.Lease("10.0.0.1/32", 2, generation: 4))
                == .node(two))
    }

    /// Against the directory's own, slower look-up.
    @Test func theIndexAgreesWithTheDirectory() throws {
        var leases: [Directory.Lease] = []
        for generation in 1...300 {
            let length = [8, 12, 16, 20, 24, 28, 31, 32].randomElement() ?? 32
            let bits = UInt32.random(in: 0...UInt32.max) & (UInt32.max << UInt32(32 - length))
            let bytes = (0..<4).map { UInt8(truncatingIfNeeded: bits >> UInt32(24 - 8 * $0)) }
            let address = try #require(IPAddress(bytes: bytes))
            let prefix = try #require(IPPrefix(address, length: length))
            leases.append(
                .init(prefix: prefix, node: .init(rawValue: .random(in: 1...5)), generation: UInt64(generation)))
        }
        let index = LeaseIndex(leases)
        let domain = try TrustDomain("td")
        let directory = Directory(trustDomain: domain, revision: 1, nodes: [], leases: leases, workloads: [])
        for _ in 0..<300 {
            let address = try #require(IPAddress(bytes: (0..<4).map { _ in UInt8.random(in: 0...255) }))
            #expect(index.holder(of: address) == directory.holder(of: address).map { .node($0) } ?? .nobody)
        }
    }

    @Test func directoriesDoNotGoBack() throws {
        let network = try Simulation()
        let node = try network.add("a")
        func take(_ revision: UInt64) -> Bool {
            network.directory.revision = revision
            return node.world.take(network.directory)
        }
        #expect(take(5) && !take(5) && !take(4) && take(6))
    }

    // MARK: Releases

    @Test func releasesWaitForEveryPeer() {
        var releases = AddressReleases()
        releases.release("10.0.0.1", former: web, revision: 4, awaiting: [one, two])
        #expect(releases.isQuarantined("10.0.0.1", for: db) && !releases.isQuarantined("10.0.0.1", for: web))
        // An older state of affairs says nothing.
        let early = releases.acknowledge(one, revision: 3)
        let half = releases.acknowledge(one, revision: 4)
        #expect(!early && !half)
        #expect(releases.isQuarantined("10.0.0.1", for: db))
        let isFree = releases.forget(two)
        #expect(isFree)
        #expect(!releases.isQuarantined("10.0.0.1", for: db))
    }

    @Test func nobodyToWaitForMeansNoQuarantine() {
        var releases = AddressReleases()
        releases.release("10.0.0.1", former: web, revision: 1, awaiting: [])
        #expect(releases.holdings.isEmpty)
    }

    @Test func anAddressThatMovedTwiceIsNobodysShortcut() {
        var releases = AddressReleases()
        releases.release("10.0.0.1", former: web, revision: 1, awaiting: [one])
        releases.release("10.0.0.1", former: db, revision: 2, awaiting: [])
        // The first to have had it cannot just have it back: the peer may know it as either.
        releases.regain("10.0.0.1", by: web)
        #expect(releases.isQuarantined("10.0.0.1", for: web) && releases.isQuarantined("10.0.0.1", for: db))
        let early = releases.acknowledge(one, revision: 1)
        let late = releases.acknowledge(one, revision: 2)
        #expect(!early && late)
    }

    // MARK: Time

    @Test func clocks() {
        let now = LinkTime(boot: 1000, unix: 100)
        #expect(now.boot(at: 100) == 1000 && now.boot(at: 50) == 1000)
        #expect(now.boot(at: 102) == 2_000_001_000)
        #expect(now.boot(at: .max) == .max)
        #expect(UInt64.max.adding(.seconds(1)) == .max && UInt64(0).adding(.seconds(-1)) == 0)
        #expect(Duration.milliseconds(1500).nanoseconds == 1_500_000_000)
        #expect(Duration.seconds(1).doubled(3, atMost: .seconds(30)) == .seconds(8))
        #expect(Duration.seconds(1).doubled(500, atMost: .seconds(30)) == .seconds(30))
    }

    @Test func dialsHaveTheirTime() {
        let timing = LinkTiming()
        var state = DialState(idleSince: 0)
        func due(_ state: DialState, rekeyAt: UInt64? = nil, wanted: Bool = true, isDialer: Bool = true) -> UInt64? {
            state.due(rekeyAt: rekeyAt, wanted: wanted, isDialer: isDialer, patience: .seconds(5))
        }
        #expect(due(state) == 0 && due(state, isDialer: false) == 5_000_000_000 && due(state, wanted: false) == nil)
        #expect(due(state, rekeyAt: 77) == 77 && due(state, rekeyAt: 77, isDialer: false) == 5_000_000_077)
        state.trafficWaits(10, isConnected: false)
        #expect(due(state, wanted: false, isDialer: false) == 10)
        state.failed(20, timing, atMost: timing.longestBackoff, chance: 0.5)
        #expect(due(state, wanted: false, isDialer: false) == 500_000_020)
        state.force(30)
        #expect(due(state) == 0 && due(state, rekeyAt: 1 << 60) == 30)
        state.confirmed()
        #expect(due(state, rekeyAt: 1 << 60) == 1 << 60)
        state.trafficWaits(40, isConnected: true)
        #expect(due(state, rekeyAt: 1 << 60) == 1 << 60)
    }
}
