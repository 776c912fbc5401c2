import AuthorityAPI
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import Glibc
import Identity
import Issuance
import LinkTestSupport
import OpenSSLBinding
import SwiftProtobuf
import Synchronization
import Testing
import WorkloadProtocol

@testable import WorkloadAPI

private typealias Envoy = Envoy_Service_Secret_V3_SecretDiscoveryService.Client<HTTP2ClientTransport.Posix>
private typealias Request = Envoy_Service_Discovery_V3_DiscoveryRequest
private typealias Response = Envoy_Service_Discovery_V3_DiscoveryResponse

/// Envoy's SDS as an Envoy asks for it: without the header.
@Suite(.timeLimit(.minutes(1))) struct SecretTests {
    private static let own = [Selector.userID(geteuid())]
    private static let web = "spiffe://example.org/ns/shop/sa/web"

    private func fetch(_ server: TestServer, _ names: [String], type: String = Secrets.typeURL) async throws
        -> [EnvoySecret]
    {
        try await server.withConnection { connection in
            let request = Request.with {
                $0.resourceNames = names
                $0.typeURL = type
            }
            let response = try await Envoy(wrapping: connection).fetchSecrets(request)
            #expect(response.typeURL == Secrets.typeURL)
            return try response.resources.map { try EnvoySecret(unpackingAny: $0) }
        }
    }

    private func trusted(_ server: TestServer) throws -> Data {
        Data(try server.identities.bundle.authorities.map { try $0.pem }.joined().utf8)
    }

    @Test(arguments: ["default", web]) func aCertificateComesWithItsKey(name: String) async throws {
        let server = try await TestServer()
        try server.identities.add("web", Self.own)
        try server.identities.add("second", Self.own)
        let secrets = try await fetch(server, [name])
        #expect(secrets.map(\.name) == [name])
        let certificate = try #require(secrets.first?.tlsCertificate)
        let chain = try Certificate.parsePEMChain(
            String(decoding: certificate.certificateChain.inlineBytes, as: UTF8.self))
        let verified = try SVIDVerifier(bundle: server.identities.bundle).verify(
            chainDER: chain.map(\.der), at: TestDomain.now)
        #expect(verified.id.description == Self.web)
        let key = try PrivateKey(pem: SecretBytes(Array(certificate.privateKey.inlineBytes)))
        #expect(key.publicKey == verified.leaf.publicKey)
    }

    @Test(arguments: ["ROOTCA", "spiffe://example.org"]) func aBundleIsTheDomains(name: String) async throws {
        let server = try await TestServer()
        try server.identities.add("web", Self.own)
        let secrets = try await fetch(server, [name])
        #expect(secrets.map(\.name) == [name])
        #expect(try secrets.first?.validationContext.trustedCa.inlineBytes == trusted(server))
    }

    @Test func allBundlesAreForEnvoysSPIFFEValidator() async throws {
        let server = try await TestServer()
        try server.identities.add("web", Self.own)
        let validator = try #require(try await fetch(server, ["ALL"]).first?.validationContext.customValidatorConfig)
        #expect(validator.name == "envoy.tls.cert_validator.spiffe")
        let configuration = try Envoy_Extensions_TransportSockets_Tls_V3_SPIFFECertValidatorConfig(
            unpackingAny: validator.typedConfig)
        #expect(configuration.trustDomains.map(\.name) == ["example.org"])
        #expect(try configuration.trustDomains.first?.trustBundle.inlineBytes == trusted(server))
    }

    @Test func noNameIsEveryName() async throws {
        let server = try await TestServer()
        try server.identities.add("web", Self.own)
        #expect(try await fetch(server, []).map(\.name) == [Self.web, "spiffe://example.org"])
    }

    @Test func whatOneMayNotHaveIsDenied() async throws {
        let server = try await TestServer()
        #expect(await status { _ = try await fetch(server, ["ROOTCA"]) } == .permissionDenied)
        try server.identities.add("web", Self.own)
        try server.identities.add("foreign", [.userID(4711)])
        for name in ["spiffe://example.org/ns/shop/sa/foreign", "spiffe://other.org", "other", ""] {
            #expect(await status { _ = try await fetch(server, ["default", name]) } == .permissionDenied)
        }
    }

    @Test func theHeaderCanBeRequired() async throws {
        let server = try await TestServer(sdsRequiresHeader: true)
        try server.identities.add("web", Self.own)
        #expect(await status { _ = try await fetch(server, ["default"]) } == .invalidArgument)
        let names = try await server.withConnection { connection in
            let request = ClientRequest(
                message: Request.with { $0.resourceNames = ["default"] }, metadata: ["workload.spiffe.io": "true"])
            return try await Envoy(wrapping: connection).fetchSecrets(request: request) { response in
                try response.message.resources.map { try EnvoySecret(unpackingAny: $0).name }
            }
        }
        #expect(names == ["default"])
    }

    @Test func whatMakesNoSenseIsInvalid() async throws {
        let server = try await TestServer()
        try server.identities.add("web", Self.own)
        let other = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
        #expect(await status { _ = try await fetch(server, ["default"], type: other) } == .invalidArgument)
        #expect(
            await status { _ = try await fetch(server, Array(repeating: "default", count: 65)) } == .invalidArgument)
        // Each name counts, and is answered once.
        #expect(try await fetch(server, Array(repeating: "default", count: 64)).count == 1)
    }

    @Test func differencesAreUnimplemented() async throws {
        let server = try await TestServer()
        let call: () async throws -> Void = {
            try await server.withConnection { connection in
                try await Envoy(wrapping: connection).deltaSecrets { _ in
                } onResponse: {
                    for try await _ in $0.messages {}
                }
            }
        }
        #expect(await status(of: call) == .unimplemented)
    }

    /// Each rotation once, none for an answer to one, and the end when nothing is left.
    @Test func aStreamCarriesEveryRotation() async throws {
        let server = try await TestServer()
        let identities = server.identities
        try identities.add("web", Self.own)
        let renewed = try identities.svid("web")
        let (requests, send) = AsyncStream.makeStream(of: Request.self)
        send.yield(.with { $0.resourceNames = ["default"] })
        try await server.withConnection { connection in
            try await Envoy(wrapping: connection).streamSecrets { writer in
                for await request in requests { try await writer.write(request) }
            } onResponse: { response in
                var seen: [Response] = []
                do {
                    for try await message in response.messages {
                        seen.append(message)
                        send.yield(
                            .with {
                                $0.resourceNames = ["default"]
                                $0.responseNonce = message.nonce
                                $0.errorDetail.message = "no"
                            })
                        guard seen.count == 1 else {
                            identities.remove("web")
                            continue
                        }
                        #expect(identities.followed.withLock { $0 } == ["web"])
                        // The stream ends soon, and with it what it has not read yet.
                        #expect(await eventually { server.told.all.contains("user \(geteuid()) rejects: no") })
                        identities.change { $0.svids["web"] = renewed }
                    }
                } catch let error as RPCError {
                    #expect(error.code == .permissionDenied)
                }
                send.finish()
                #expect(seen.map(\.versionInfo) == ["1", "2"])
                #expect(seen.first?.resources != seen.last?.resources)
            }
        }
    }
}

/// What counts as a question and what does not.
@Suite struct SecretSubscriptionTests {
    private func request(_ names: [String], nonce: String = "") -> Request {
        .with {
            $0.resourceNames = names
            $0.responseNonce = nonce
        }
    }

    @Test func onlyNewsIsTold() throws {
        let context = X509Context(svids: [], bundle: try TestIdentities().bundle, foreignBundles: [])
        var subscription = SecretSubscription()
        #expect(subscription.news(context) == nil)
        #expect(try subscription.take(request(["a"])) == nil)
        #expect(subscription.news(context) == ["a"] && subscription.nonce == "1")
        // Accepted.
        #expect(try subscription.take(request(["a"], nonce: "1")) == nil)
        #expect(subscription.news(context) == nil)
        // Rejected: the same would be rejected again.
        var rejection = request(["a"], nonce: "1")
        rejection.errorDetail.message = String(repeating: "e", count: 1000)
        #expect(try subscription.take(rejection)?.count == 256)
        #expect(subscription.news(context) == nil)
        // Of other names.
        #expect(try subscription.take(request(["b"], nonce: "1")) == nil)
        #expect(subscription.news(context) == ["b"] && subscription.nonce == "2")
        // Overtaken.
        #expect(try subscription.take(request(["c"], nonce: "1")) == nil)
        #expect(subscription.names == ["b"] && subscription.news(context) == nil)
    }
}
