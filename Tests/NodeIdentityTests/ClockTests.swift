import Identity
import KernelTestSupport
import Testing

@testable import NodeIdentity

/// A node's clock beside the authority's.
@Suite struct ClockTests {
    /// How long answers are on their way makes no difference between clocks that stand.
    private func standing() async throws -> TestAuthority {
        try await TestAuthority(clock: TestClock(stoppedAt: TestClock().now))
    }

    private func node(ahead seconds: Int64, of authority: TestAuthority) async throws -> (TestNode, TestClock) {
        let clock = TestClock(stoppedAt: authority.clock.now)
        clock.advance(seconds: seconds)
        let node = try TestNode(clock: clock)
        try await node.join(authority.invitation(node: "node-a"))
        return (node, clock)
    }

    private func skews(_ node: TestNode) -> [Int64] {
        node.journal.all.compactMap { if case .clockSkewed(let seconds) = $0 { seconds } else { nil } }
    }

    /// An answer that was long on its way says nothing of clocks.
    @Test(
        arguments: [
            (100, 100, 100, 0), (100, 100, 130, 0), (100, 115, 130, 0), (100, 130, 130, 0), (100, 88, 130, 12),
            (100, 142, 130, -12), (100, 88, 100, 12), (100, 112, 100, -12),
        ] as [(Int64, Int64, Int64, Int64)])
    func onlyWhatIsSureCounts(asked: Int64, issued: Int64, answered: Int64, ahead: Int64) {
        #expect(ClockSkew(asked: asked, issued: issued, answered: answered).seconds == ahead)
    }

    @Test(
        arguments: [
            (-11, [-11]), (-10, []), (-1, []), (0, []), (10, []), (11, [11]),
        ] as [(Int64, [Int64])])
    func tenSecondsAreNotWorthALine(_ seconds: Int64, told: [Int64]) async throws {
        let moment = TestClock().now
        let authority = try await TestAuthority(clock: TestClock(stoppedAt: moment))
        try await authority.entry("/ns/shop/sa/web")
        let clock = TestClock(stoppedAt: moment)
        let node = try TestNode(clock: clock)
        try await node.join(authority.invitation(node: "node-a"))
        // Opened later, the connection itself would be refused.
        try await eventually("a connection") { await node.service.currentDirectory != nil }
        clock.advance(seconds: seconds)
        let issued = try? await node.service.issue(pod())
        // One that is behind by more takes what it gets for not yet valid.
        #expect((issued == nil) == (seconds < -X509SVID.backdating))
        #expect(skews(node) == told)
        #expect(await node.service.status().clockSkew?.seconds == seconds)
        #expect(await node.service.status().clockSkew?.isTooMuch == !told.isEmpty)
    }

    @Test func moreIsToldOnceUntilItIsPut() async throws {
        let authority = try await standing()
        try await authority.entry("/ns/shop/sa/web")
        let (node, clock) = try await node(ahead: 100, of: authority)
        #expect(skews(node) == [100])
        _ = try await node.service.issue(pod())
        #expect(skews(node).count == 1)
        clock.advance(seconds: -100)
        _ = try await node.service.issue(pod())
        #expect(try #require(await node.service.status().clockSkew).isTooMuch == false)
        clock.advance(seconds: 100)
        _ = try await node.service.issue(pod())
        #expect(skews(node).count == 2)
    }

    /// What is issued is of no use then, and yet says what time it is.
    @Test func aClockBehindIsTold() async throws {
        let authority = try await standing()
        try await authority.entry("/ns/shop/sa/web")
        let (node, clock) = try await node(ahead: 0, of: authority)
        // Opened later, the connection itself would be refused.
        try await eventually("a connection") { await node.service.currentDirectory != nil }
        clock.advance(seconds: -100)
        await #expect {
            try await node.service.issue(pod())
        } throws: { "\($0)".contains("is not yet valid: is this machine's clock right?") }
        #expect(skews(node).first == -100)
    }

    /// By a clock that is far ahead all is over. Set right again, the node finds its authority, and renews when it is time.
    @Test func aClockThatIsSetRightIsNoticed() async throws {
        let authority = try await TestAuthority()
        let clock = TestClock()
        let node = try TestNode(clock: clock, sleep: { _ in try await Task.sleep(for: .milliseconds(50)) })
        try await node.join(authority.invitation(node: "node-a"))
        try await eventually("a connection") { await node.service.currentDirectory != nil }
        let svid = try #require(node.service.currentSVID?.svid)
        clock.advance(seconds: 100_000)
        try await eventually("its end is told") { ends(node) > 0 }
        try await authority.stop()
        try await eventually("no connection") { await !node.service.status().isConnected }
        let again = try await TestAuthority(in: authority.directory, port: authority.port)
        clock.advance(seconds: -100_000)
        try await eventually("a connection again") { await node.service.status().isConnected }
        #expect(node.service.currentSVID?.svid == svid)
        clock.advance(seconds: (svid.notAfter - svid.notBefore) * 6 / 10)
        try await eventually("another SVID") { node.service.currentSVID.map { $0.svid != svid } ?? false }
        #expect(ends(node) == 1)
        try await again.stop()
    }

    /// As of a machine that keeps no time while it is off.
    @Test func aClockThatIsBehindAtTheStartLosesNothing() async throws {
        let authority = try await TestAuthority()
        try await authority.entry("/ns/shop/sa/web")
        let before = try await TestNode.joined("node-a", to: authority)
        let issued = try await before.service.issue(pod())
        try await eventually("a directory") { await before.service.currentDirectory != nil }
        await before.stop()
        let clock = TestClock()
        clock.advance(seconds: -100_000_000)
        let node = try TestNode(
            in: before.directory, clock: clock, sleep: { _ in try await Task.sleep(for: .milliseconds(50)) })
        #expect(node.service.currentSVID?.svid == before.service.currentSVID?.svid)
        #expect(await node.service.heldWorkloads.map(\.svid.svid) == [issued.svid.svid])
        clock.advance(seconds: 100_000_000)
        try await eventually("a connection") { await node.service.status().isConnected }
    }

    private func ends(_ node: TestNode) -> Int {
        node.journal.all.count { if case .identityExpired = $0 { true } else { false } }
    }
}
