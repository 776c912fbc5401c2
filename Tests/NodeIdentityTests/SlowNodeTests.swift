import Authority
import AuthorityAPI
import Foundation
import Identity
import KernelTestSupport
import Testing

@testable import NodeIdentity

/// A node that stays within the rules and reads its directories a byte a second.
@Suite(.serialized, .timeLimit(.minutes(3))) struct SlowNodeTests {
    private static let readers = 6
    private static let editions = 60

    /// What it does not read is not kept for it, and others hear of each change.
    @Test func whoReadsDirectoriesSlowlyTakesNeitherMemoryNorTime() async throws {
        let authority = try await TestAuthority()
        let slow = try await TestNode.joined("slow", to: authority)
        let other = try await TestNode.joined("other", to: authority, address: "192.0.2.2")
        // Long ones, so that each edition is.
        for number in 0..<200 { try await authority.entry(Self.path(number)) }
        let last = try SPIFFEID(trustDomain: trustDomain, path: Self.path(199))
        try await eventually("the other knows all") {
            await other.service.currentDirectory?.workloads.contains { $0.id == last } == true
        }
        let certificate = try ClientCertificate(try #require(slow.service.currentSVID))
        let target = "tls:\(authority.port)"
        let readers = try await outside {
            try SlowReaders(
                Self.readers, at: target, calling: "/podshield.authority.v1.Authority/WatchDirectory", as: certificate)
        }
        defer { readers.end() }
        let before = try residentBytes()
        var slowest = Duration.zero
        for number in 0..<Self.editions {
            let begin = ContinuousClock.now
            let entry = try await authority.entry(Self.path(1000 + number))
            try await eventually("the other hears") {
                await other.service.currentDirectory?.workloads.contains { $0.id == entry.spiffeID } == true
            }
            slowest = max(slowest, .now - begin)
            // As often as nodes are told.
            try await Task.sleep(for: .milliseconds(120))
        }
        #expect(slowest < .seconds(15))
        let piledUp = Self.readers * Self.editions * 200 * Self.path(0).utf8.count
        let grown = try residentBytes() - before
        #expect(piledUp > 100 << 20 && grown < piledUp / 2, "\(grown) bytes of \(piledUp); slowest \(slowest)")
    }

    private static func path(_ number: Int) -> String { "/\(number)/" + String(repeating: "a", count: 1800) }
}
