import AuthorityAPI
import Foundation
import GRPCCore
import Glibc
import Identity
import Issuance
import JOSE
import LinkTestSupport
import OpenSSLBinding
import SwiftProtobuf
import Testing
import WorkloadProtocol

@testable import WorkloadAPI

/// Bundles of other trust domains: for whose entry says so, and for nobody else.
@Suite(.timeLimit(.minutes(1))) struct FederationTests {
    private let partner: TrustDomain
    private let document: BundleDocument
    private let key: JWTSigningKey

    init() throws {
        partner = try TrustDomain("partner.example")
        key = try .generate(for: partner, notAfter: TestDomain.now + 3600)
        let jwtBundle = try #require(JWTBundle(trustDomain: partner, authorities: [key.authority], sequence: 1))
        document = BundleDocument(
            bundle: try CertificateAuthority.createRoot(for: partner, now: TestDomain.now).bundle, jwtBundle: jwtBundle)
    }

    private func server(federating: Bool) async throws -> TestServer {
        let server = try await TestServer()
        server.identities.change { $0.foreignBundles = [document] }
        try server.identities.add(
            "web", [.userID(geteuid())], federatesWith: federating ? [partner] : [try TrustDomain("other.example")])
        return server
    }

    private var roots: Data { Data(document.bundle.authorities.flatMap(\.der)) }

    /// W-8, W-10: all that the identities federate with, beside the own.
    @Test(arguments: [true, false]) func bundlesComeWithTheEntryThatSaysSo(_ federating: Bool) async throws {
        let server = try await server(federating: federating)
        let (id, roots, keys) = ("spiffe://partner.example", roots, Data(document.jwtBundle.encoded.utf8))
        try await server.withClient { client in
            let svids = try await client.fetchX509SVID(.init(), metadata: secured) {
                try await $0.messages.first { _ in true }
            }
            #expect(svids?.federatedBundles == (federating ? [id: roots] : [:]))
            let bundles = try await client.fetchX509Bundles(.init(), metadata: secured) {
                try await $0.messages.first { _ in true }
            }
            #expect(
                bundles?.bundles[id] == (federating ? roots : nil) && bundles?.bundles.count == (federating ? 2 : 1))
            let jwt = try await client.fetchJWTBundles(.init(), metadata: secured) {
                try await $0.messages.first { _ in true }
            }
            #expect(jwt?.bundles[id] == (federating ? keys : nil) && jwt?.bundles.count == (federating ? 2 : 1))
        }
    }

    @Test func aChangeReachesTheStream() async throws {
        let server = try await server(federating: true)
        let identities = server.identities
        try await server.withClient { client in
            try await client.fetchX509SVID(.init(), metadata: secured) { response in
                var seen: [Int] = []
                for try await message in response.messages {
                    seen.append(message.federatedBundles.count)
                    if seen.count == 2 { break }
                    identities.change { $0.foreignBundles = [] }
                }
                #expect(seen == [1, 0])
            }
        }
    }

    @Test(arguments: [true, false]) func aTokenOfTheOtherTrustDomainIsJudgedByItsKeys(_ federating: Bool) async throws {
        let server = try await server(federating: federating)
        let id = try SPIFFEID(trustDomain: partner, path: "/ns/shop/sa/db")
        let token = try key.sign(JWTSVIDPlan(id: id, audience: JWTAudience(["web"])), now: TestDomain.now)
        let request = ValidateJWTSVIDRequest.with { ($0.audience, $0.svid) = ("web", token.token) }
        try await server.withClient { client in
            guard federating else {
                let seen = await status { _ = try await client.validateJWTSVID(request, metadata: secured) }
                #expect(seen == .invalidArgument)
                return
            }
            let answer = try await client.validateJWTSVID(request, metadata: secured)
            #expect(answer.spiffeID == "\(id)")
        }
    }

    /// Envoy's SDS: by the other trust domain's ID, and among all of them.
    @Test(arguments: [true, false]) func envoysHaveThemByName(_ federating: Bool) async throws {
        let server = try await server(federating: federating)
        let context = X509Context(
            svids: [], bundle: server.identities.bundle, foreignBundles: federating ? [document.bundle] : [])
        let lists = EnvoyLists(areOffered: true, look: .seconds(60), now: server.identities.now) { _ in }
        let secrets = Secrets(context: lists.told(context), lists: lists)
        guard federating else {
            #expect(throws: Denial.self) { try secrets.named(["spiffe://partner.example"]) }
            return
        }
        let pem = try document.bundle.authorities.map { try $0.pem }.joined()
        let secret = try #require(try secrets.named(["spiffe://partner.example"]).first)
        #expect(secret.validationContext.trustedCa.inlineBytes == Data(pem.utf8))
        let all = try #require(try secrets.named(["ALL"]).first)
        let configuration = try Envoy_Extensions_TransportSockets_Tls_V3_SPIFFECertValidatorConfig(
            unpackingAny: all.validationContext.customValidatorConfig.typedConfig)
        #expect(configuration.trustDomains.map(\.name) == ["example.org", "partner.example"])
        #expect(try secrets.named(["ROOTCA"]).first?.validationContext.trustedCa.inlineBytes != Data(pem.utf8))
    }
}
