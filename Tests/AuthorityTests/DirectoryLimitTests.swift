import Addressing
import AuthorityAPI
import Foundation
import GRDB
import Identity
import Issuance
import JOSE
import Testing

@testable import Authority

/// What the registry does not take down any more, so that the directory stays one that nodes take.
@Suite struct DirectoryLimitTests {
    private static func limits(_ change: (inout DirectoryLimits) -> Void) -> DirectoryLimits {
        var limits = DirectoryLimits()
        change(&limits)
        return limits
    }

    private func expectFull(
        _ what: String, at limit: Int, _ location: SourceLocation = #_sourceLocation,
        _ add: () async throws -> Void
    ) async {
        let error = await #expect(throws: (any Error).self, sourceLocation: location) { try await add() }
        #expect(error.map { "\($0)" } == "the authority has room for \(limit) \(what)", sourceLocation: location)
    }

    private func number(_ registry: Registry, _ path: String, now: Int64 = start) async throws -> Registry.Allotment {
        try await registry.number(for: id(path), labels: PolicyLabels([:]), until: now + 3600, now: now)
    }

    @Test func nodesAreLimited() async throws {
        let fixture = try TestRegistry(limits: Self.limits { $0.nodes = 2 })
        try await fixture.node("a")
        try await fixture.node("b", address: "192.0.2.2")
        let token = try await fixture.token()
        await expectFull("nodes", at: 2) { try await fixture.join(token, name: "c", address: "192.0.2.3") }
        // One that is there may come again; the place of one that was evicted is free, and the token still good.
        try await fixture.join(fixture.token(node: "b"), name: "b", address: "192.0.2.2")
        _ = try await fixture.registry.evict(node: "a", now: start)
        try await fixture.join(token, name: "c", address: "192.0.2.3")
        await expectFull("nodes", at: 2) { try await fixture.join(fixture.token(node: "a"), name: "a") }
    }

    @Test func leasesAreLimited() async throws {
        let fixture = try TestRegistry(limits: Self.limits { $0.leases = 3 })
        let node = try await fixture.node("a")
        func report(_ last: ClosedRange<Int>) async throws {
            let leases = try last.map { try #require(IPPrefix("10.0.0.\($0)")) }
            _ = try await fixture.registry.report(
                node.number, endpoint: node.endpoint, leases: Set(leases), now: start)
        }
        try await report(1...3)
        await expectFull("leases", at: 3) { try await report(1...4) }
        #expect(try await fixture.registry.directory(now: start).leases.count == 3)
        // Others in their place, or fewer, are no more.
        try await report(11...13)
        try await report(11...11)
    }

    @Test func workloadsAreLimitedWhileTheyLive() async throws {
        let fixture = try TestRegistry(limits: Self.limits { $0.workloads = 2 })
        _ = try await number(fixture.registry, "/a")
        _ = try await number(fixture.registry, "/b")
        let before = try await fixture.registry.extent(now: start)
        await expectFull("workloads", at: 2) { _ = try await number(fixture.registry, "/c") }
        #expect(try await fixture.registry.extent(now: start) == before)
        // One that is there is renewed.
        #expect(try await number(fixture.registry, "/a", now: start + 1800).changesDirectory == false)
        let later = start + 20_000
        #expect(try await number(fixture.registry, "/c", now: later).changesDirectory)
        #expect(try await number(fixture.registry, "/a", now: later).changesDirectory)
        await expectFull("workloads", at: 2) { _ = try await number(fixture.registry, "/b", now: later) }
    }

    @Test func entriesAreLimited() async throws {
        let fixture = try TestRegistry(limits: Self.limits { $0.entries = 1 })
        func create(_ number: Int) async throws {
            try await fixture.registry.create(
                NewEntry(spiffeID: id("/w\(number)"), selectors: [.namespace("n")])
                    .checked(in: trustDomain, id: "e\(number)", now: start))
        }
        try await create(1)
        await expectFull("registration entries", at: 1) { try await create(2) }
        _ = try await fixture.registry.deleteEntry("e1")
        try await create(2)
    }

    /// Few entries that say much are as heavy as many that say little.
    @Test func bytesOfEntriesAreLimited() async throws {
        func entry(_ number: Int, _ hint: Int) throws -> RegistrationEntry {
            try NewEntry(
                spiffeID: id("/w\(number)"), selectors: [.namespace("n")], hint: String(repeating: "h", count: hint)
            ).checked(in: trustDomain, id: "e\(number)", now: start)
        }
        let measured = try TestRegistry().registry
        try await measured.create(entry(1, 100))
        try await measured.create(entry(2, 100))
        let two = try await measured.extent(now: start).entryBytes
        let registry = try TestRegistry(limits: Self.limits { $0.entryBytes = two }).registry
        try await registry.create(entry(1, 100))
        try await registry.create(entry(2, 100))
        await expectFull("bytes of registration entries", at: two) { try await registry.create(entry(3, 0)) }
        await expectFull("bytes of registration entries", at: two) { _ = try await registry.update(entry(1, 101)) }
        #expect(try await registry.extent(now: start).entryBytes == two)
        // What becomes smaller, or stays as large, goes on, and makes room.
        _ = try await registry.update(entry(1, 100))
        _ = try await registry.update(entry(1, 99))
        _ = try await registry.update(entry(2, 101))
        _ = try await registry.deleteEntry("e1")
        _ = try await registry.deleteEntry("e2")
        #expect(try await registry.extent(now: start).entryBytes == 0)
    }

    /// Tables of before have entries that were not counted as they came, perhaps too many: these can go, and all else goes on.
    @Test func entriesOfBeforeAreCounted() async throws {
        let fixture = try TestRegistry()
        for number in 1...3 {
            try await fixture.registry.create(
                NewEntry(spiffeID: id("/w\(number)"), selectors: [.namespace("n")])
                    .checked(in: trustDomain, id: "e\(number)", now: start))
        }
        let bytes = try await fixture.registry.extent(now: start).entryBytes
        try await fixture.registry.write(as: RegistryError.self) { db in
            for trigger in ["entry_comes", "entry_changes", "entry_goes"] {
                try db.execute(sql: "DROP TRIGGER \(trigger)")
            }
            try db.execute(sql: "DROP TABLE entry_extent; DELETE FROM grdb_migrations WHERE identifier LIKE '18:%'")
        }
        let registry = try Registry(
            path: fixture.registry.path, trustDomain: trustDomain, limits: Self.limits { $0.entryBytes = bytes - 1 })
        #expect(try await registry.extent(now: start).entryBytes == bytes)
        #expect(
            try await registry.extent(now: start).shortages(registry.limits).map(\.what) == [
                "bytes of registration entries"
            ])
        _ = try await number(registry, "/a")
        _ = try await registry.deleteEntry("e1")
        #expect(try await registry.extent(now: start).entryBytes < bytes)
    }

    /// Few workloads with many labels are as heavy as many with few.
    @Test func bytesAreLimited() async throws {
        let fixture = try TestRegistry(limits: Self.limits { $0.bytes = 20_000 })
        let labels = try PolicyLabels(
            Dictionary(uniqueKeysWithValues: (0..<40).map { ("key-\($0)", String(repeating: "v", count: 200)) }))
        func add(_ name: String) async throws {
            _ = try await fixture.registry.number(for: id(name), labels: labels, until: start + 3600, now: start)
        }
        try await add("/a")
        try await add("/b")
        let error = await #expect(throws: RegistryError.self) { try await add("/c") }
        #expect(error.map { "\($0)" } == "the authority has room for 20000 bytes of directory")
    }

    /// What is counted is never less than what is sent, and not much more.
    @Test(arguments: [0, 1, 3, 64])
    func bytesAreThoseThatAreSent(_ labels: Int) async throws {
        let fixture = try TestRegistry()
        for number in 0..<20 {
            let node = try await fixture.node("node-\(number)", address: "192.0.2.\(number + 1)")
            let leases = try (1...20).map { try #require(IPPrefix("10.\(number).0.\($0)")) }
            _ = try await fixture.registry.report(
                node.number, endpoint: node.endpoint, leases: Set(leases), now: start)
            for size in [1, 50, 253] {
                let values = (0..<labels).map { ("k\($0)", String(repeating: "v", count: size - 1)) }
                _ = try await fixture.registry.number(
                    for: id("/ns/shop/sa/w-\(number)-\(size)"),
                    labels: PolicyLabels(Dictionary(uniqueKeysWithValues: values)), until: start + 3600, now: start)
            }
        }
        let counted = try await fixture.registry.extent(now: start).bytes
        let sent = try fixture.sign(await fixture.registry.directory(now: start)).directory.count
        #expect(sent <= counted && counted < 3 * sent)
    }

    /// A quarter of the largest, with names of the usual length: the rest would only take its time.
    @Test func aFullDirectoryIsOneThatNodesTake() async throws {
        let quarter = Self.limits {
            $0.nodes /= 4
            $0.leases /= 4
            $0.workloads /= 4
            $0.bytes /= 4
        }
        let fixture = try TestRegistry(limits: quarter)
        try await fixture.registry.fill(nodes: quarter.nodes, leases: quarter.leases, workloads: quarter.workloads)
        let extent = try await fixture.registry.extent(now: start)
        #expect(extent.shortages(quarter).map(\.what) == ["nodes", "leases", "workloads"])
        let directory = try await fixture.registry.directory(now: start)
        let signed = try fixture.sign(directory)
        #expect(
            try signed.verified(by: SVIDVerifier(bundle: fixture.authority.bundle), at: start).directory == directory)
        #expect(signed.directory.count <= extent.bytes && 4 * extent.bytes <= AuthorityWire.largestDirectory)
        await expectFull("workloads", at: quarter.workloads) { _ = try await number(fixture.registry, "/another") }
    }

    /// However it came about, say in a registry of other limits: nodes keep what they have.
    @Test func aDirectoryThatNodesWouldRefuseIsNotSigned() throws {
        let fixture = try TestRegistry()
        let labels = Dictionary(
            uniqueKeysWithValues: (0..<64).map { ("\($0)" + String(repeating: "k", count: 250), "v") })
        let workloads = try (0..<2100).map { number in
            try Directory.Workload(
                number: NumericIdentity(rawValue: UInt32(256 + number)), id: id("/w"), labels: labels)
        }
        let directory = Directory(trustDomain: trustDomain, revision: 1, nodes: [], leases: [], workloads: workloads)
        let error = #expect(throws: DirectoryRejection.self) { try fixture.sign(directory) }
        #expect(error.map { "\($0)" }?.hasSuffix("\(AuthorityWire.largestDirectory) are the most") == true)
    }
}

extension TestRegistry {
    /// As a server of this authority does.
    fileprivate func sign(_ directory: Directory) throws -> Podshield_Authority_V1_SignedDirectory {
        let server = try ServerIdentity(
            authorities(authority), name: "main", lifetime: .seconds(3600), now: { start }, observe: { _ in })
        let edition = DirectoryEdition(
            directory: directory, bundle: authority.bundle, jwtBundle: .empty(authority.bundle.trustDomain))
        return try .sign(edition, with: server.current)
    }
}

extension Registry {
    /// Rows as they are made one by one, at once.
    fileprivate func fill(nodes: Int, leases: Int, workloads: Int) async throws {
        try await write(as: RegistryError.self) { db in
            let node = try db.makeStatement(
                sql: """
                    INSERT INTO nodes (name, address, link_port, esp_port, joined_at, serial)
                    VALUES ('node-' || ?, ?, 7600, 4500, 1, '00')
                    """)
            for number in 1...nodes { try node.execute(arguments: [number, bytes(of: 0xc000_0000, number)]) }
            let lease = try db.makeStatement(
                sql: "INSERT INTO leases (address, length, node, generation) VALUES (?, 32, ?, ?)")
            for number in 1...leases {
                try lease.execute(arguments: [bytes(of: 0x0a00_0000, number), 1 + number % nodes, number])
            }
            let workload = try db.makeStatement(
                sql: """
                    INSERT INTO identities (spiffe_id, labels, in_use_until, bytes)
                    SELECT *, \(RegistrySchema.identityBytes)
                    FROM (SELECT ? AS spiffe_id, ? AS labels, ? AS in_use_until)
                    """)
            for number in 1...workloads {
                let id = "spiffe://example.org/ns/namespace-\(number % 100)/sa/account-\(number)"
                try workload.execute(arguments: [id, "app=account-\(number)\n", start + 3600])
            }
        }
    }
}

private func bytes(of network: UInt32, _ number: Int) -> Data {
    unsafe withUnsafeBytes(of: (network + UInt32(number)).bigEndian) { unsafe Data($0) }
}
