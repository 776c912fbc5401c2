import AuthorityAPI
import Foundation
import Glibc
import Identity
import Issuance
import KernelTestSupport
import LinkTestSupport
import SwiftProtobuf
import Testing
import WorkloadProtocol

@testable import WorkloadAPI

/// Workloads that stay within the rules and read so slowly that what is written for them would pile up.
@Suite(.serialized, .timeLimit(.minutes(3))) struct SlowReaderTests {
    /// A stream and what asks for it.
    struct Call: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let method: String
        var request: [UInt8] = []
        var isOnly = true

        static let svids = Call(testDescription: "FetchX509SVID", method: "/SpiffeWorkloadAPI/FetchX509SVID")
        static let bundles = Call(testDescription: "FetchX509Bundles", method: "/SpiffeWorkloadAPI/FetchX509Bundles")
        /// For every name.
        static let secrets = Call(
            testDescription: "StreamSecrets", method: "/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets",
            isOnly: false)
    }

    private static let readers = 64
    private static let changes = 200
    private static let identities = 4

    /// What is not read is not kept: were it, there would be hundreds of megabytes.
    @Test(arguments: [Call.svids, .bundles, .secrets]) func whoReadsSlowlyTakesNeitherMemoryNorTime(
        _ call: Call
    ) async throws {
        let server = try await TestServer()
        let identities = server.identities
        for number in 0..<Self.identities { try identities.add("w\(number)", [.userID(geteuid())]) }
        try Self.addRoots(identities)
        let target = "unix:\(server.path)"
        let readers = try await outside {
            try SlowReaders(Self.readers, at: target, calling: call.method, call.request, isOnly: call.isOnly)
        }
        defer { readers.end() }
        let size = try await server.withClient { client in
            let svids = try #require(try await client.svids()).serializedData().count
            let bundles = try #require(try await client.bundles()).serializedData().count
            return call.method == Call.bundles.method ? bundles : svids
        }
        let before = try residentBytes()
        var slowest = Duration.zero
        for number in 0..<Self.changes {
            try Self.change(identities, number)
            guard number % 20 == 0 else {
                try await Task.sleep(for: .milliseconds(5))
                continue
            }
            let begin = ContinuousClock.now
            let count = try await server.withClient { try await $0.svids()?.svids.count }
            #expect(count == Self.identities)
            slowest = max(slowest, .now - begin)
        }
        #expect(slowest < .seconds(15))
        #expect(server.server.connections.count >= Self.readers, "they break no rule")
        let piledUp = Self.readers * Self.changes * size
        let grown = try residentBytes() - before
        #expect(piledUp > 200 << 20 && grown < piledUp / 2, "\(grown) bytes of \(piledUp); slowest \(slowest)")
    }

    /// So that each message is long.
    private static func addRoots(_ identities: TestIdentities) throws {
        let (name, held) = (identities.domain.name, identities.bundle)
        let roots = try (0..<40).map { _ in
            try CertificateAuthority.createRoot(for: name, now: TestDomain.now).certificate
        }
        let bundle = try TrustBundle(
            trustDomain: name, authorities: held.authorities + roots, sequence: held.sequence + 1)
        identities.change { $0.bundle = bundle }
    }

    /// All that is told is another each time.
    private static func change(_ identities: TestIdentities, _ number: Int) throws {
        let held = identities.bundle
        let bundle = try TrustBundle(
            trustDomain: held.trustDomain, authorities: held.authorities, sequence: held.sequence + 1)
        identities.change {
            $0.entries?.swapAt(0, 1 + number % (Self.identities - 1))
            $0.bundle = bundle
        }
    }
}
