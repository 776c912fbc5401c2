import Addressing
import BPFBinding
import CPodshieldABI
import Datapath
import Foundation
import Identity
import LinuxBinding
import Testing

@Suite struct MapTests {
    let bench: Bench

    init() throws { bench = try Bench() }

    private func addresses(_ texts: String...) throws -> [IPAddress] { try texts.map { try #require(IPAddress($0)) } }

    @Test func otherSizesThanThePinnedAreRefused() async throws {
        do { _ = try await bench.start() }
        var settings = bench.settings
        settings.securityAssociations = 32
        let changed = settings
        let error = await #expect(throws: DatapathError.self) { try await Datapath(changed) }
        #expect(error?.kind == "pinnedMapMismatch")
    }

    @Test func settingsAreChecked() async throws {
        func kind(_ change: (inout DatapathSettings) -> Void) async -> String? {
            var settings = bench.settings
            change(&settings)
            let changed = settings
            return await #expect(throws: DatapathError.self) { try await Datapath(changed) }?.kind
        }
        #expect(await kind { $0.bpffs = "/tmp" } == "notBPFFS")
        #expect(await kind { $0.instance = "../x" } == "badInstanceName")
        #expect(await kind { $0.instance = "" } == "badInstanceName")
        for size in [0, 1, 3, 100, 131072] { #expect(await kind { $0.securityAssociations = size } == "badTableSize") }
        #expect(await kind { $0.objectPath = "/nonexistent" } == "kernel")
    }

    /// Hashes and tries have words of their own for it.
    @Test func aFullTableIsNamed() async throws {
        let datapath = try await bench.start()
        #expect(try await datapath.fullTables() == [])
        let prefixes = try (0...8).map { try #require(IPPrefix("10.\($0).0.0/16")) }
        try await datapath.setProtected(Set(prefixes.prefix(8)))
        let trie = await #expect(throws: DatapathError.self) { try await datapath.setProtected(Set(prefixes)) }
        #expect(trie.map { "\($0)" } == "the table ps_protected is full")
        for number in 1...8 {
            try await datapath.setPeer(
                NodeNumber(rawValue: UInt32(number)), address: addresses("192.0.2.\(number)")[0],
                local: addresses("192.0.2.100")[0], espPort: 4500, mtu: 1500)
        }
        #expect(try await datapath.fullTables() == ["ps_peers"])
        let hash = await #expect(throws: DatapathError.self) {
            try await datapath.setPeer(
                NodeNumber(rawValue: 9), address: addresses("192.0.2.9")[0], local: addresses("192.0.2.100")[0],
                espPort: 4500, mtu: 1500)
        }
        #expect(hash.map { "\($0)" } == "the table ps_peers is full")
    }

    @Test(arguments: [
        (UInt32(0), false), (0x1, false), (0x5, false), (0x3, true), (0x0c00_0000, true), (0xf000_0000, true),
    ])
    func marks(_ mask: UInt32, _ isUsable: Bool) async throws {
        let datapath = try await bench.start()
        let configuration = DatapathConfiguration(markMask: mask)
        guard isUsable else {
            let error = await #expect(throws: DatapathError.self) {
                try await datapath.configure(configuration, ready: true)
            }
            #expect(error?.kind == "badMarkMask")
            return
        }
        try await datapath.configure(configuration, ready: true)
        let config = try #require(try bench.map("ps_config").value(at: UInt32(0), as: ps_config.self))
        #expect(config.mark_mask == mask && config.mark_mask >> config.mark_shift & 1 == 1)
        #expect(config.flags == UInt32(PS_F_READY))
    }

    @Test func protectedPrefixesAreExactlyWhatIsSet() async throws {
        let datapath = try await bench.start()
        func prefixes(_ texts: String...) throws -> Set<IPPrefix> { Set(try texts.map { try #require(IPPrefix($0)) }) }
        for set in [
            try prefixes("10.0.0.0/8", "fd00::/8", "0.0.0.0/0"), try prefixes("10.0.0.0/8", "192.0.2.1/32"), [],
        ] {
            try await datapath.setProtected(set)
            #expect(try await datapath.protected() == set)
        }
    }

    @Test func bindingsHoldUntilUnbound() async throws {
        let datapath = try await bench.start()
        let both = try addresses("10.1.0.1", "fd01::1")
        try await datapath.bind(peer: Sample.peer, identity: Sample.web, addresses: both)
        try await datapath.bind(peer: Sample.peer, identity: Sample.web, addresses: both)
        let held = await #expect(throws: DatapathError.self) {
            try await datapath.bind(
                peer: NodeNumber(rawValue: 8), identity: Sample.web, addresses: addresses("10.1.0.9", "fd01::1"))
        }
        #expect(held?.kind == "addressHeld")
        let remotes = try await datapath.snapshot().remotes
        #expect(
            remotes.map(\.address) == ["10.1.0.1", "fd01::1"] || remotes.map(\.address) == ["fd01::1", "10.1.0.1"])
        try await datapath.unbind(peer: Sample.peer, identity: Sample.db, addresses: both)
        #expect(try await datapath.snapshot().remotes.count == 2)
        try await datapath.unbind(peer: Sample.peer, identity: Sample.web, addresses: both)
        let snapshot = try await datapath.snapshot()
        #expect(snapshot.remotes.isEmpty)
        #expect(snapshot.maps.first { $0.name == "ps_bindings" }?.entries == 0)
    }

    @Test func peersComeAndGo() async throws {
        let datapath = try await bench.start()
        let ends = try addresses("192.0.2.7", "192.0.2.1")
        try await datapath.setPeer(Sample.peer, address: ends[0], local: ends[1], espPort: 4500, mtu: 1500)
        let peer = try #require(try await datapath.snapshot().peers.first)
        #expect(peer.node == 7 && peer.address == "192.0.2.7" && peer.local == "192.0.2.1")
        #expect(peer.port == 4500 && peer.mtu == 1500)
        try await datapath.removePeer(Sample.peer)
        try await datapath.removePeer(Sample.peer)
        #expect(try await datapath.snapshot().peers.isEmpty)
    }

    @Test func snapshotsHoldNoKeys() async throws {
        let datapath = try await bench.start()
        let spi = try await datapath.accept(0x5a)
        let text = String(decoding: try JSONEncoder().encode(await datapath.snapshot()), as: UTF8.self)
        #expect(text.contains("\(spi)"))
        for leak in ["5a5a5a", "WlpaWl", "90,90,90", "165,165"] { #expect(!text.contains(leak)) }
    }
}
