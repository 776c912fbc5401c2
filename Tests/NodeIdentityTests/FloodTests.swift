import Foundation
import Identity
import KernelTestSupport
import Synchronization
import Testing

@testable import Authority
@testable import NodeIdentity

/// A stranger that may join, and sends the authority frames of HTTP/2 without end instead. It is closed, and nodes are served.
@Suite(.serialized, .timeLimit(.minutes(2))) struct FloodTests {
    @Test(arguments: FrameFlood.Kind.allCases) func framesWithoutEndKeepNobodyOut(_ kind: FrameFlood.Kind) async throws
    {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("a", to: authority)
        try await authority.entry("/web")
        let hasEnded = Mutex(false)
        let target = "tls:\(authority.port)"
        async let flood = outside {
            defer { hasEnded.withLock { $0 = true } }
            return try FrameFlood(kind, at: target, calling: "/podshield.authority.v1.Authority/Join")
        }
        var (slowest, served) = (Duration.zero, 0)
        repeat {
            let begin = ContinuousClock.now
            _ = try await node.service.issue(pod("web-\(served)"))
            slowest = max(slowest, .now - begin)
            served += 1
            try await Task.sleep(for: .milliseconds(200))
        } while served < 2 || !hasEnded.withLock { $0 }
        let seen = try await flood
        #expect(served > 1 && slowest < .seconds(15))
        #expect(seen.closed > 0 && seen.stalled == 0, "\(seen)")
        #expect((1..<16 << 20).contains(seen.mostBytes), "it is spoken to, \(seen)")
    }
}
