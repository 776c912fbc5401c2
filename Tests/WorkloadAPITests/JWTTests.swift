import AuthorityAPI
import Foundation
import GRPCCore
import Glibc
import Identity
import Issuance
import JOSE
import LinkTestSupport
import SwiftProtobuf
import Testing
import WorkloadProtocol

@testable import WorkloadAPI

/// The JWT profile over the real socket, for this process, which is root.
@Suite(.timeLimit(.minutes(1))) struct JWTTests {
    private static let own = [Selector.userID(geteuid())]
    private static let web = "spiffe://example.org/ns/shop/sa/web"

    private func request(_ audience: [String], _ id: String = "") -> JWTSVIDRequest {
        .with {
            $0.audience = audience
            $0.spiffeID = id
        }
    }

    /// W-9: the audience is mandatory; W-5: what makes no sense is invalid.
    @Test func w9ARequestWithoutAnAudienceIsInvalid() async throws {
        let server = try await TestServer()
        try server.identities.add("web", Self.own)
        let requests = [
            request([]), request([""]), request(["a", ""]), request(["a"], "nonsense"), request(["a\n"]),
            request(["a"], "spiffe://example.org/../x"), request((0..<100).map { "a\($0)" }),
        ]
        try await server.withClient { client in
            for request in requests {
                let code = await status { _ = try await client.fetchJWTSVID(request, metadata: secured) }
                #expect(code == .invalidArgument, "\(request)")
            }
        }
    }

    /// W-9: without an ID tokens of all identities, with unique hints; with one, that one's.
    @Test func w9EachIdentityHasAToken() async throws {
        let server = try await TestServer()
        for account in ["web", "admin"] { try server.identities.add(account, Self.own, hint: "same") }
        try server.identities.add("foreign", [.userID(4711)])
        let asked = (
            request(["b", "a"]), request(["a"], Self.web), request(["a"], "spiffe://example.org/ns/shop/sa/foreign")
        )
        let verifier = JWTSVIDVerifier(bundles: [server.identities.jwtBundle])
        try await server.withClient { client in
            let all = try await client.fetchJWTSVID(asked.0, metadata: secured).svids
            #expect(all.map(\.hint) == ["same", ""])
            #expect(all.map(\.spiffeID) == [Self.web, "spiffe://example.org/ns/shop/sa/admin"])
            for svid in all {
                #expect("\(try verifier.verify(svid.svid, audience: "a", at: TestDomain.now).id)" == svid.spiffeID)
                #expect(try verifier.verify(svid.svid, audience: "b", at: TestDomain.now).audience == ["a", "b"])
            }
            let one = try await client.fetchJWTSVID(asked.1, metadata: secured).svids
            #expect(one.map(\.spiffeID) == [Self.web])
            #expect(await status { _ = try await client.fetchJWTSVID(asked.2, metadata: secured) } == .permissionDenied)
        }
    }

    @Test func e6NoIdentityNoTokenAndNoBundle() async throws {
        let server = try await TestServer()
        let request = request(["a"])
        try await server.withClient { client in
            #expect(await status { _ = try await client.fetchJWTSVID(request, metadata: secured) } == .permissionDenied)
            #expect(await status { _ = try await client.jwtBundles() } == .permissionDenied)
            try server.identities.add("web", Self.own)
            server.identities.change { $0.svids = [:] }
            #expect(await status { _ = try await client.fetchJWTSVID(request, metadata: secured) } == .unavailable)
        }
    }

    /// W-10: the own trust domain's keys for tokens, and no others.
    @Test func w10TheBundleHasTheKeysOfTokens() async throws {
        let server = try await TestServer()
        try server.identities.add("web", Self.own)
        let bundles = try await server.withClient { try await $0.jwtBundles()?.bundles } ?? [:]
        #expect(Array(bundles.keys) == ["spiffe://example.org"])
        let document = try JSONSerialization.jsonObject(with: bundles["spiffe://example.org"] ?? Data())
        let keys = (document as? [String: [[String: String]]])?["keys"] ?? []
        #expect(keys.map { $0["use"] } == ["jwt-svid"])
        #expect(keys.map { $0["kid"] } == [server.identities.jwtKey.authority.keyID])
    }

    /// W-11: both fields are mandatory, and all rules of JWT-SVID hold.
    @Test func w11OnlyGoodTokensAreValidated() async throws {
        let server = try await TestServer()
        try server.identities.add("web", Self.own)
        let request = request(["a"])
        try await server.withClient { client in
            let token = try await client.fetchJWTSVID(request, metadata: secured).svids[0].svid
            let good = try await client.validateJWTSVID(
                .with {
                    $0.audience = "a"
                    $0.svid = token
                }, metadata: secured)
            #expect(good.spiffeID == Self.web && good.claims.fields["sub"]?.stringValue == Self.web)
            #expect(good.claims.fields["exp"]?.numberValue ?? 0 > 0)
            let tampered = token.dropLast(4) + (token.hasSuffix("AAAA") ? "BBBB" : "AAAA")
            for (audience, text) in [("b", token), ("", token), ("a", ""), ("a", String(tampered)), ("a", "a.b.c")] {
                let code = await status {
                    _ = try await client.validateJWTSVID(
                        .with {
                            $0.audience = audience
                            $0.svid = text
                        }, metadata: secured)
                }
                #expect(code == .invalidArgument, "\(audience) \(text)")
            }
        }
    }
}
