import AuthorityAPI
import Foundation
import GRDB
import Identity
import KernelTestSupport
import Testing

@testable import Authority

/// A registry that has been away, and must not give out again what it gave out meanwhile.
@Suite struct RegistryCopyTests {
    private func counters(_ registry: Registry) throws -> [String: Int64] {
        try registry.readNow { db in
            var counters: [String: Int64] = [:]
            for row in try Row.fetchAll(db, sql: "SELECT name, value FROM counters") {
                counters[row["name"]] = row["value"]
            }
            for row in try Row.fetchAll(db, sql: "SELECT name, seq FROM sqlite_sequence") {
                counters[row["name"]] = row["seq"]
            }
            return counters
        }
    }

    private func identity(_ registry: Registry, _ path: String) async throws -> UInt32 {
        try await registry.number(for: id(path), labels: PolicyLabels([:]), until: start + 3600, now: start).number
            .rawValue
    }

    private func copy(_ fixture: TestRegistry, to name: String) throws -> Registry {
        let path = "\(fixture.directory.path)/\(name)"
        try Registry.copy(fixture.registry.path, to: path)
        return try Registry(path: path, trustDomain: trustDomain)
    }

    @Test func aCopyIsPrivateAndTheSame() async throws {
        let fixture = try TestRegistry()
        try await fixture.node("a")
        let copy = try copy(fixture, to: "copy")
        #expect(try await copy.nodes().map(\.name) == ["a"])
        let mode = try FileManager.default.attributesOfItem(atPath: copy.path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        #expect(try counters(copy) == counters(fixture.registry))
        #expect(throws: RegistryError.self) { try Registry.copy(fixture.registry.path, to: copy.path) }
    }

    @Test func everythingThatIsCountedGoesFar() async throws {
        let fixture = try TestRegistry()
        try await fixture.node("a")
        _ = try await identity(fixture.registry, "/a")
        let token = try await fixture.token()
        let before = try counters(fixture.registry)
        let copy = try copy(fixture, to: "copy")
        try copy.leap(over: 0)
        let after = try counters(copy)
        #expect(
            Set(before.keys) == [
                "revision", "generation", "jwt-bundle", "crl", "crl-issued-at", "lists", "authorities", "identities",
                "nodes",
            ])
        for (name, value) in before {
            let leap: Int64 =
                switch name {
                case "crl-issued-at": 0
                case "identities": Registry.leapOfIdentities
                case "nodes": Registry.leapOfNodes
                default: Registry.leapOfCounters
                }
            #expect(after[name] == value + leap, "\(name)")
        }
        await #expect(throws: JoinRefusal.unknownToken) { try await copy.checkToken(token, now: start) }
        #expect(try await copy.nodes().map(\.number.rawValue) == [1])
        // Who had a number keeps it.
        #expect(try await identity(copy, "/a") == 256)
        #expect(try await Int64(identity(copy, "/b")) == 257 + Registry.leapOfIdentities)
    }

    /// Of an authority that no node had joined yet.
    @Test func anEmptyRegistryGoesFarToo() async throws {
        let registry = try TestRegistry()
        try registry.registry.leap(over: 0)
        #expect(try await Int64(registry.node("a").number.rawValue) == Registry.leapOfNodes + 1)
    }

    /// The same copy, restored once more an hour after the first time.
    @Test func laterIsFarther() async throws {
        let fixture = try TestRegistry()
        let (first, second) = (try copy(fixture, to: "first"), try copy(fixture, to: "second"))
        try first.leap(over: 100)
        for number in 0..<50 { _ = try await identity(first, "/\(number)") }
        try second.leap(over: 3700)
        for (name, value) in try counters(first) where name != "crl-issued-at" {
            #expect(try #require(counters(second)[name]) > value, "\(name)")
        }
    }

    /// What the registry that is replaced can still say counts, however the clock stands.
    @Test func whatIsKnownToBeGivenOutIsNot() async throws {
        let fixture = try TestRegistry()
        let (first, second) = (try copy(fixture, to: "first"), try copy(fixture, to: "second"))
        try first.leap(over: 1_000_000)
        for number in 0..<50 { _ = try await identity(first, "/\(number)") }
        try second.leap(over: -5, beyond: Registry.numbersGivenOut(in: first.path))
        for (name, value) in try counters(first) where !["crl-issued-at", "identities", "nodes"].contains(name) {
            #expect(try #require(counters(second)[name]) > value, "\(name)")
        }
        #expect(try await identity(second, "/other") > identity(first, "/another") - 1)
        #expect(Registry.numbersGivenOut(in: fixture.directory.path + "/nothing") == nil)
    }

    /// With a clock that is far ahead, or after many leaps, it is refused rather than begun anew.
    @Test func numbersThatDoNotSufficeAreRefused() throws {
        let fixture = try TestRegistry()
        #expect(throws: RegistryError.self) { try fixture.registry.leap(over: .max) }
        #expect(try counters(fixture.registry)["identities"] == 255)
    }
}
