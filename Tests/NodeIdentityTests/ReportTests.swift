import Addressing
import Authority
import AuthorityAPI
import Identity
import RateLimiting
import Testing

@testable import NodeIdentity

@Suite(.timeLimit(.minutes(3))) struct ReportTests {
    /// The connection stands, and still the authority would not: what was to be said is said later.
    @Test func aReportThatFailsIsMadeAgain() async throws {
        let authority = try await TestAuthority { $0.limits.nodeCalls = Rate(burst: 5, perSecond: 0.05) }
        let node = try await TestNode.joined("node-a", to: authority)
        try await eventually("a directory") { await node.service.currentDirectory != nil }
        await #expect(throws: AuthorityCallError.overloaded("too many calls")) {
            while true {
                do {
                    _ = try await node.service.issue(pod())
                } catch AuthorityCallError.notRegistered {
                    continue
                }
            }
        }
        let prefix = try #require(IPPrefix("10.0.0.7"))
        await #expect(throws: AuthorityCallError.overloaded("too many calls")) {
            try await node.service.setLeases([prefix])
        }
        try await eventually(within: .seconds(120), "the lease") {
            try await authority.service.directory().leases.map(\.prefix) == [prefix]
        }
    }

    /// Whoever asks is told what there is no room for; the others keep what they have.
    @Test func aFullAuthoritySaysWhatItHasNoRoomFor() async throws {
        let authority = try await TestAuthority {
            $0.limits.directory.nodes = 2
            $0.limits.directory.leases = 2
            $0.limits.directory.workloads = 1
            $0.limits.directory.entries = 2
        }
        try await authority.entry("/ns/shop/sa/web", selectors: [.podName("web-0")])
        try await authority.entry("/ns/shop/sa/db", selectors: [.podName("db-0")])
        await #expect(throws: EntryError.self) { try await authority.entry("/third") }
        let a = try await TestNode.joined("node-a", to: authority)
        let b = try await TestNode.joined("node-b", to: authority, address: "192.0.2.2")
        await #expect(throws: JoinError.call(.overloaded("the authority has room for 2 nodes"))) {
            _ = try await TestNode.joined("node-c", to: authority, address: "192.0.2.3")
        }
        try await a.service.setLeases([#require(IPPrefix("10.0.0.1")), #require(IPPrefix("10.0.0.2"))])
        await #expect(throws: AuthorityCallError.overloaded("the authority has room for 2 leases")) {
            try await b.service.setLeases([#require(IPPrefix("10.0.0.3"))])
        }
        _ = try await a.service.issue(pod("web-0"))
        await #expect(throws: AuthorityCallError.overloaded("the authority has room for 1 workloads")) {
            _ = try await b.service.issue(pod("db-0"))
        }
        let directory = try await authority.service.directory()
        #expect(directory.nodes.count == 2 && directory.leases.count == 2 && directory.workloads.count == 1)
        #expect(try await authority.service.extent().shortages(authority.service.settings.limits.directory).count == 4)
        let told = authority.journal.all.count {
            if case .callRefused(_, .registry(.directoryFull)) = $0 { true } else { false }
        }
        #expect(told >= 2)
    }
}
