import AuthorityAPI
import Foundation
import GRPCCore
import Glibc
import Identity
import Issuance
import KernelTestSupport
import LinkTestSupport
import OpenSSLBinding
import Synchronization
import Testing
import WorkloadProtocol

@testable import WorkloadAPI

/// The real socket, asked by a real client: this process, which is root.
@Suite(.timeLimit(.minutes(1))) struct ServerTests {
    private static let own = [Selector.userID(geteuid())]

    /// E-2: on every call, and only in this spelling.
    @Test(
        arguments: [
            [], ["workload.spiffe.io": "True"], ["workload.spiffe.io": "1"], ["workload": "true"],
        ] as [Metadata])
    func e2ACallWithoutTheHeaderIsInvalid(metadata: Metadata) async throws {
        let server = try await TestServer()
        try server.identities.add("web", Self.own)
        try await server.withClient { client in
            let calls: [@Sendable () async throws -> Void] = [
                { _ = try await client.svids(metadata) }, { _ = try await client.bundles(metadata) },
                { _ = try await client.fetchJWTSVID(.init(), metadata: metadata) },
                { _ = try await client.jwtBundles(metadata) },
                { _ = try await client.validateJWTSVID(.init(), metadata: metadata) },
                { _ = try await client.witSVIDs(metadata) }, { _ = try await client.witBundles(metadata) },
            ]
            for call in calls { #expect(await status(of: call) == .invalidArgument) }
        }
    }

    /// W-1: the WIT profile is optional, and then unimplemented.
    @Test func w1WhatIsNotOfferedIsUnimplemented() async throws {
        let server = try await TestServer()
        try await server.withClient { client in
            let calls: [@Sendable () async throws -> Void] = [
                { _ = try await client.witSVIDs() }, { _ = try await client.witBundles() },
            ]
            for call in calls { #expect(await status(of: call) == .unimplemented) }
        }
    }

    /// E-6: no identity is PermissionDenied, nothing known yet is Unavailable.
    @Test func e6NoIdentityIsDenied() async throws {
        let server = try await TestServer()
        try await server.withClient { client in
            let svids: @Sendable () async throws -> Void = { _ = try await client.svids() }
            let bundles: @Sendable () async throws -> Void = { _ = try await client.bundles() }
            #expect(await status(of: svids) == .permissionDenied)
            #expect(await status(of: bundles) == .permissionDenied)
            server.identities.change { $0.entries = nil }
            #expect(await status(of: svids) == .unavailable)
        }
    }

    /// W-6: DER, leaf first, an unencrypted PKCS #8 key that is the leaf's; W-8: the own trust domain's bundle; E-3: in the
    /// clear.
    @Test func w6WhatIsSentIsWhatAClientNeeds() async throws {
        let server = try await TestServer()
        try server.identities.add("web", Self.own, hint: "internal")
        let (bundle, domain) = (server.identities.bundle, server.identities.domain)
        try await server.withClient { client in
            let answer = try await client.svids()
            let svid = try #require(answer?.svids.first)
            #expect(answer?.svids.count == 1 && svid.spiffeID == "spiffe://example.org/ns/shop/sa/web")
            #expect(svid.hint == "internal")
            let verified = try SVIDVerifier(bundle: bundle).verify(chainDER: [Array(svid.x509Svid)], at: TestDomain.now)
            let key = try PrivateKey(pkcs8DER: SecretBytes(Array(svid.x509SvidKey)))
            #expect(key.publicKey == verified.leaf.publicKey)
            #expect(Array(svid.bundle) == domain.authority.certificate.der)
            #expect(try await client.bundles()?.bundles == ["spiffe://example.org": svid.bundle])
        }
    }

    /// W-3: each message carries all there is, the first one at once, another one with every change.
    @Test func w3AStreamCarriesEveryChange() async throws {
        let server = try await TestServer()
        let identities = server.identities
        try identities.add("web", Self.own)
        let renewed = try identities.svid("web")
        try await server.withClient { client in
            let seen = try await client.fetchX509SVID(.init(), metadata: secured) { response in
                var seen: [X509SVIDResponse] = []
                do {
                    for try await message in response.messages {
                        seen.append(message)
                        switch seen.count {
                        // What changes nothing for this caller is not told.
                        case 1:
                            try identities.add("foreign", [.userID(4711)])
                            identities.change { $0.svids["web"] = renewed }
                        case 2: try identities.add("second", Self.own)
                        case 3: identities.remove("web")
                        default: identities.remove("second")
                        }
                    }
                    Issue.record("a stream of nothing goes on")
                } catch let error as RPCError {
                    // A removed entry is heard of.
                    #expect(error.code == .permissionDenied)
                }
                return seen
            }
            #expect(seen.map(\.svids.count) == [1, 1, 2, 1])
            #expect(seen[0].svids[0].x509Svid != seen[1].svids[0].x509Svid)
            #expect(seen[3].svids[0].spiffeID.hasSuffix("/second"))
        }
    }

    /// A renewal wakes only those whom it is for.
    @Test func aStreamFollowsTheSVIDsThatItTells() async throws {
        let server = try await TestServer()
        let identities = server.identities
        for (account, selectors) in [("web", Self.own), ("foreign", [.userID(4711)])] {
            try identities.add(account, selectors)
        }
        try await server.withClient { client in
            try await client.fetchX509SVID(.init(), metadata: secured) { response in
                var seen = 0
                for try await _ in response.messages {
                    seen += 1
                    #expect(identities.followed.withLock { $0 } == (seen == 1 ? ["web"] : ["web", "second"]))
                    if seen == 2 { return }
                    try identities.add("second", Self.own)
                }
            }
            identities.followed.withLock { $0 = nil }
            _ = try await client.bundles()
            #expect(identities.followed.withLock { $0 } == nil, "bundles are nobody's SVIDs")
        }
    }

    /// What a client says of itself counts for nothing.
    @Test func aClientCannotNameAnotherConnection() async throws {
        let server = try await TestServer()
        try server.identities.add("web", Self.own)
        var metadata = secured
        metadata.addString("999", forKey: "podshield-connection")
        let forged = metadata
        try await server.withClient { client in
            let answer = try await client.svids(forged)
            #expect(answer?.svids.count == 1)
        }
    }

    @Test func aCallThatIsCancelledLeavesNothing() async throws {
        let server = try await TestServer()
        try server.identities.add("web", Self.own)
        try await server.withClient { client in
            let call = Task {
                try await client.fetchX509SVID(.init(), metadata: secured) {
                    for try await _ in $0.messages {}
                }
            }
            #expect(await eventually { server.server.connections.count == 1 })
            call.cancel()
            _ = try? await call.value
        }
        #expect(await eventually { server.server.connections.count == 0 })
    }
}
