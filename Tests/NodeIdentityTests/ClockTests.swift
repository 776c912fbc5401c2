import Identity
import KernelTestSupport
import Testing

@testable import NodeIdentity

/// A node's clock beside the authority's.
@Suite struct ClockTests {
    private func node(ahead seconds: Int64, of authority: TestAuthority) async throws -> (TestNode, TestClock) {
        let clock = TestClock()
        clock.advance(seconds: seconds)
        let node = try TestNode(clock: clock)
        try await node.join(authority.invitation(node: "node-a"))
        return (node, clock)
    }

    private func skews(_ node: TestNode) -> [Int64] {
        node.journal.all.compactMap { if case .clockSkewed(let seconds) = $0 { seconds } else { nil } }
    }

    @Test(arguments: [-8, 0, 8] as [Int64]) func aLittleIsNotWorthALine(_ seconds: Int64) async throws {
        let authority = try await TestAuthority()
        let begin = ContinuousClock.now
        let (node, _) = try await node(ahead: seconds, of: authority)
        let passed = (ContinuousClock.now - begin).components.seconds + 1
        let skew = try #require(await node.service.status().clockSkew)
        // What the join took may be taken for skew.
        #expect((seconds - 1...seconds + passed).contains(skew))
        #expect(skews(node).isEmpty == (skew.magnitude <= X509SVID.backdating))
    }

    @Test func moreIsToldOnceUntilItIsPut() async throws {
        let authority = try await TestAuthority()
        try await authority.entry("/ns/shop/sa/web")
        let (node, clock) = try await node(ahead: 100, of: authority)
        #expect(skews(node).count == 1)
        #expect((100...110).contains(try #require(skews(node).first)))
        _ = try await node.service.issue(pod())
        #expect(skews(node).count == 1)
        clock.advance(seconds: -100)
        _ = try await node.service.issue(pod())
        #expect(try #require(await node.service.status().clockSkew) <= X509SVID.backdating)
        clock.advance(seconds: 100)
        _ = try await node.service.issue(pod())
        #expect(skews(node).count == 2)
    }

    /// What is issued is of no use then, and yet says what time it is.
    @Test func aClockBehindIsTold() async throws {
        let authority = try await TestAuthority()
        try await authority.entry("/ns/shop/sa/web")
        let (node, clock) = try await node(ahead: 0, of: authority)
        // Opened later, the connection itself would be refused.
        try await eventually("a connection") { await node.service.currentDirectory != nil }
        clock.advance(seconds: -100)
        await #expect {
            try await node.service.issue(pod())
        } throws: { "\($0)".contains("is not yet valid: is this machine's clock right?") }
        #expect((-100 ... -90).contains(try #require(skews(node).first)))
    }
}
