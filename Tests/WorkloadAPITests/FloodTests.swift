import AuthorityAPI
import Foundation
import Glibc
import Identity
import KernelTestSupport
import Testing
import WorkloadProtocol

@testable import WorkloadAPI

/// One client that sends frames without end, and others beside it. The connection that floods is closed by the server, and soon.
@Suite(.serialized, .timeLimit(.minutes(2))) struct FloodTests {
    @Test(arguments: FrameFlood.Kind.allCases) func framesWithoutEndKeepNobodyOut(_ kind: FrameFlood.Kind) async throws
    {
        let server = try await TestServer()
        try server.identities.add("web", [.userID(geteuid())])
        let hasEnded = Flag()
        let path = server.path
        let flood = Task {
            defer { hasEnded.withLock { $0 = true } }
            return try await outside {
                try FrameFlood(kind, at: "unix:\(path)", calling: "/SpiffeWorkloadAPI/FetchX509SVID")
            }
        }
        let slowest = try await server.withClient { held in
            var slowest = Duration.zero
            while !hasEnded.withLock({ $0 }) {
                let begin = ContinuousClock.now
                #expect(try await held.svids()?.svids.count == 1)
                let new = try await server.withClient { try await $0.svids()?.svids.count }
                #expect(new == 1)
                slowest = max(slowest, .now - begin)
            }
            return slowest
        }
        #expect(slowest < .seconds(15))
        let seen = try await flood.value
        #expect(seen.opened > 0 && seen.closed > 0 && seen.stalled == 0, "\(seen)")
        #expect(seen.mostBytes < 16 << 20, "\(seen)")
        #expect(await eventually { server.server.connections.count == 0 })
    }
}
