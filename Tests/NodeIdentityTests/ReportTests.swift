import Addressing
import Authority
import Identity
import Testing

@testable import NodeIdentity

@Suite(.timeLimit(.minutes(3))) struct ReportTests {
    /// The connection stands, and still the authority would not: what was to be said is said later.
    @Test func aReportThatFailsIsMadeAgain() async throws {
        let authority = try await TestAuthority { $0.limits.nodeCalls = .init(burst: 5, perSecond: 0.05) }
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
}
