import AuthorityAPI
import Foundation
import Glibc
import Identity
import KernelTestSupport
import LinkTestSupport
import OpenSSLBinding
import Testing
import WorkloadProtocol

@testable import WorkloadAPI

/// A broker that sends frames of HTTP/2 without end, and another beside it. The one is closed, and the other served.
@Suite(.serialized, .timeLimit(.minutes(3))) struct BrokerFloodTests {
    @Test(arguments: FrameFlood.Kind.allCases) func framesWithoutEndKeepNoOtherBrokerOut(
        _ kind: FrameFlood.Kind
    ) async throws {
        try await TestBrokers.run { brokers in
            try brokers.identities.add("web", [.userID(geteuid())])
            let svid = brokers.broker
            let certificate = try ClientCertificate(
                chain: svid.svid.chain.map { try $0.pem }.joined(),
                key: unsafe svid.key.pkcs8PEM().withUnsafeBytes { unsafe Array($0) })
            let target = "tls:\(brokers.port)"
            let hasEnded = Flag()
            let flood = Task {
                defer { hasEnded.withLock { $0 = true } }
                return try await outside {
                    try FrameFlood(kind, at: target, calling: "/spiffe.broker.API/FetchJWTSVID", as: certificate)
                }
            }
            let reference = try Reference.process(getpid())
            var slowest = Duration.zero
            repeat {
                let begin = ContinuousClock.now
                let count = try await brokers.withBroker(brokers.limited) { try await $0.svids(reference)?.svids.count }
                #expect(count == 1)
                slowest = max(slowest, .now - begin)
            } while !hasEnded.withLock { $0 }
            #expect(slowest < .seconds(30))
            let seen = try await flood.value
            #expect(seen.closed > 0 && seen.stalled == 0, "\(seen)")
            #expect((1..<16 << 20).contains(seen.mostBytes), "it is spoken to, \(seen)")
            #expect(await eventually { brokers.server.connections.streamCount == 0 })
        }
    }
}
