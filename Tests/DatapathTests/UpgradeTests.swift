import BPFBinding
import CPodshieldABI
import Foundation
import KernelTestSupport
import Testing

@testable import Datapath

/// What a daemon makes of the maps that another version left pinned.
@Suite struct UpgradeTests {
    typealias Versions = ABIVersions

    let bench: Bench

    init() throws { bench = try Bench() }

    /// Who left the maps, who finds them, whether that one takes them over.
    private static let meetings: [(Versions, Versions, Bool)] = [
        (Versions(1...1), Versions(1...1), true),
        // An addition, there and back.
        (Versions(1...1), Versions(1...2), true), (Versions(1...2), Versions(1...1), true),
        (Versions(1...2), Versions(2...3), true), (Versions(2...3), Versions(1...2), true),
        // Another layout.
        (Versions(1...1), Versions(2...2), false), (Versions(2...2), Versions(1...1), false),
        // A version was left out.
        (Versions(1...1), Versions(2...3), false), (Versions(2...3), Versions(1...1), false),
    ]

    @Test(arguments: meetings)
    func mapsAreTakenOverOrRefused(_ left: Versions, _ found: Versions, _ isTakenOver: Bool) async throws {
        let spi = try await leaveMaps(of: left)
        let before = try state()
        guard isTakenOver else {
            let error = await #expect(throws: DatapathError.self) { try await start(found) }
            #expect(error?.kind == "pinnedABIVersion")
            return #expect(try state() == before)
        }
        do {
            let datapath = try await start(found)
            #expect(await datapath.adopted().map(\.parameters.spi) == [spi, 1000])
            #expect(try state().identifiers == before.identifiers)
            // Nobody has said anything yet.
            #expect(try state().configuration == before.configuration)
            try await datapath.configure(DatapathConfiguration(), ready: true)
        }
        let config = try bench.map("ps_config").value(at: UInt32(0), as: ps_config.self)
        #expect(config?.abi_version == found.newest && config?.abi_oldest == found.oldest)
    }

    /// A version that adds a map finds all others, and makes that one.
    @Test func aMapThatWasAddedIsMade() async throws {
        let spi = try await leaveMaps(of: Versions(1...1))
        try FileManager.default.removeItem(atPath: bench.pin("ps_event_lost"))
        let before = try state().identifiers
        let datapath = try await start(Versions(1...2))
        #expect(await datapath.adopted().map(\.parameters.spi) == [spi, 1000])
        let after = try state().identifiers
        #expect(after["ps_event_lost"] != nil && after.filter { $0.key != "ps_event_lost" } == before)
    }

    /// A version whose very configuration has another layout: the finding is its version, not the layout.
    @Test func anotherLayoutIsOfAnotherVersion() async throws {
        _ = try await leaveMaps(of: .ours)
        let pin = bench.pin("ps_config")
        try FileManager.default.removeItem(atPath: pin)
        try Command.run(
            "bpftool", "map", "create", pin, "type", "array", "key", "4", "value", "16", "entries", "1", "name",
            "ps_config")
        try bench.map("ps_config").update(UInt32(0), to: SIMD4<UInt32>(7, 7, 0, 0))
        let error = await #expect(throws: DatapathError.self) { try await bench.start() }
        #expect(error.map { "\($0)" }?.contains("of ABI 7, this program is of ABI 1") == true)
    }

    /// What cannot be taken over can be taken away, by any version.
    @Test func uninstallAsksForNoVersion() async throws {
        _ = try await leaveMaps(of: Versions(9...9))
        await #expect(throws: DatapathError.self) { try await bench.start() }
        try Datapath.uninstall(bpffs: bench.settings.bpffs, instance: bench.settings.instance)
        #expect(try bench.bpffs.contents().filter { $0.contains("ps_") } == [])
        _ = try await bench.start()
    }

    // MARK: Parts

    /// Starts as a program of these versions.
    private func start(_ versions: Versions) async throws -> Datapath {
        var settings = bench.settings
        settings.abi = versions
        return try await Datapath(settings)
    }

    /// Maps with an SA each way; the inbound SPI.
    private func leaveMaps(of versions: Versions) async throws -> UInt32 {
        let datapath = try await start(versions)
        try await datapath.configure(DatapathConfiguration(), ready: true)
        try await datapath.installOutbound(Sample.parameters(1000), key: Sample.key(1))
        try await datapath.activateOutbound(spi: 1000, peer: Sample.peer, identity: Sample.web)
        return try await datapath.accept(2)
    }

    private struct State: Equatable {
        /// Of each pinned map.
        let identifiers: [String: UInt32]
        let configuration: [UInt8]
        let keys: [[UInt8]]
    }

    private func state() throws -> State {
        let names = DatapathMap.allCases.map(\.rawValue).filter { BPFFileSystem.hasPin(bench.pin($0)) }
        return State(
            identifiers: Dictionary(uniqueKeysWithValues: try names.map { ($0, try bench.map($0).id) }),
            configuration: try bench.bytes("ps_config", 0),
            keys: try ["ps_sa_in", "ps_sa_out"].flatMap { name in
                try (0..<UInt32(bench.settings.securityAssociations)).map { try bench.bytes(name, $0) }
            })
    }
}

extension ABIVersions {
    fileprivate init(_ range: ClosedRange<UInt32>) { self.init(oldest: range.lowerBound, newest: range.upperBound) }
}
