import AuthorityAPI
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
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

private typealias Envoy = Envoy_Service_Secret_V3_SecretDiscoveryService.Client<HTTP2ClientTransport.Posix>
private typealias Request = Envoy_Service_Discovery_V3_DiscoveryRequest
private typealias Validator = Envoy_Extensions_TransportSockets_Tls_V3_SPIFFECertValidatorConfig

/// What Envoys are told of what was taken back.
@Suite(.timeLimit(.minutes(1))) struct SecretListTests {
    private func server(areOffered: Bool = true, look: Duration = .seconds(60)) async throws -> TestServer {
        var limits = WorkloadAPILimits()
        limits.lookAtLists = look
        let server = try await TestServer(limits: limits, sdsHasRevocationLists: areOffered)
        try server.identities.add("web", [.userID(geteuid())])
        return server
    }

    private func list(
        of authority: CertificateAuthority, _ number: UInt64 = 1, serials: Range<Int> = 0..<3
    ) throws -> RevocationList {
        let revoked = serials.map { serial in
            RevokedCertificate(
                serial: [1] + (0..<15).map { UInt8(truncatingIfNeeded: serial >> (8 * min($0, 7))) },
                revokedAt: TestDomain.now, reason: .keyCompromise)
        }
        return try authority.revocationList(number: number, of: revoked, issuedAt: TestDomain.now)
    }

    private func bundle(_ authorities: [CertificateAuthority], _ lists: [RevocationList]) throws -> TrustBundle {
        try TrustBundle(
            trustDomain: authorities[0].trustDomain, authorities: authorities.map(\.certificate), revocations: lists,
            sequence: 7)
    }

    private func fetch(_ server: TestServer, _ names: [String]) async throws -> [EnvoySecret] {
        try await server.withConnection { connection in
            let response = try await Envoy(wrapping: connection).fetchSecrets(
                Request.with { $0.resourceNames = names })
            return try response.resources.map { try EnvoySecret(unpackingAny: $0) }
        }
    }

    /// The DER of the blocks of that label.
    private func blocks(_ pem: Data, _ label: String = "X509 CRL") throws -> [[UInt8]] {
        let text = String(decoding: pem, as: UTF8.self)
        return try text.components(separatedBy: "-----BEGIN \(label)-----\n").dropFirst().map { part in
            let parts = part.components(separatedBy: "\n-----END \(label)-----\n")
            try #require(parts.count == 2)
            return Array(try #require(Data(base64Encoded: parts[0].replacing("\n", with: ""))))
        }
    }

    /// Where the bytes are.
    private func place(_ data: Data) -> Int {
        unsafe data.withUnsafeBytes { Int(bitPattern: $0.baseAddress) }
    }

    /// As after a CA was prepared: both have one.
    @Test(arguments: ["ROOTCA", "spiffe://example.org"])
    func theListsOfAllRootsComeWithTheRoots(name: String) async throws {
        let server = try await server()
        let domain = server.identities.domain
        let next = try CertificateAuthority.createRoot(for: domain.name, now: TestDomain.now)
        let lists = [try list(of: domain.authority), try list(of: next)]
        let bundle = try bundle([domain.authority, next], lists)
        server.identities.change { $0.bundle = bundle }
        let context = try #require(try await fetch(server, [name]).first?.validationContext)
        #expect(try blocks(context.crl.inlineBytes) == lists.map(\.der))
        #expect(try blocks(context.trustedCa.inlineBytes, "CERTIFICATE") == bundle.authorities.map(\.der))
        // One whose list is not there yet would be refused all that it issues.
        let early = try self.bundle([domain.authority, next], [lists[0]])
        server.identities.change { $0.bundle = early }
        let without = try #require(try await fetch(server, [name]).first?.validationContext)
        #expect(!without.hasCrl && without.trustedCa == context.trustedCa)
        let name = next.certificate.sha256.map { String(format: "%02x", $0) }.joined()
        #expect(server.told.all == ["withheld: there is no list of the root \(name)"])
    }

    /// Envoy's SPIFFE validator has no other place for them; trust domains whose lists nobody has go on without.
    @Test func theSPIFFEValidatorHasThemAmongTheRoots() async throws {
        let server = try await server()
        let domain = server.identities.domain
        let list = try list(of: domain.authority)
        let bundle = try bundle([domain.authority], [list])
        let partner = try CertificateAuthority.createRoot(for: TrustDomain("partner.example"), now: TestDomain.now)
        let context = X509Context(svids: [], bundle: bundle, foreignBundles: [partner.bundle])
        let lists = EnvoyLists(areOffered: true, look: .seconds(60), now: server.identities.now) { _ in }
        let secret = try #require(try Secrets(context: lists.told(context), lists: lists).named(["ALL"]).first)
        let validator = try Validator(unpackingAny: secret.validationContext.customValidatorConfig.typedConfig)
        #expect(!secret.validationContext.hasCrl && validator.trustDomains.count == 2)
        let (own, foreign) = (validator.trustDomains[0].trustBundle, validator.trustDomains[1].trustBundle)
        #expect(try blocks(own.inlineBytes) == [list.der])
        #expect(try blocks(own.inlineBytes, "CERTIFICATE").count == 1)
        #expect(try blocks(foreign.inlineBytes).isEmpty)
        #expect(try blocks(foreign.inlineBytes, "CERTIFICATE") == [partner.certificate.der])
    }

    @Test func theyCanBeLeftOut() async throws {
        let server = try await server(areOffered: false)
        let domain = server.identities.domain
        let bundle = try bundle([domain.authority], [list(of: domain.authority)])
        server.identities.change { $0.bundle = bundle }
        let secrets = try await fetch(server, ["ROOTCA", "ALL"])
        #expect(secrets.count == 2 && secrets.first?.validationContext.hasCrl == false)
        let all = try #require(secrets.last?.validationContext.customValidatorConfig.typedConfig)
        #expect(try blocks(Validator(unpackingAny: all).trustDomains[0].trustBundle.inlineBytes).isEmpty)
    }

    /// A node that is cut off gets no newer one: before an Envoy would refuse everybody it is told to go on without.
    @Test func aListThatEndsIsTakenFromTheEnvoysThatHaveIt() async throws {
        let server = try await server(look: .milliseconds(20))
        let (identities, domain) = (server.identities, server.identities.domain)
        let first = try list(of: domain.authority)
        let bundle = try bundle([domain.authority], [first])
        let newer = try domain.authority.revocationList(number: 2, of: [], issuedAt: TestDomain.now + 43200)
        let renewed = try self.bundle([domain.authority], [newer])
        identities.change { $0.bundle = bundle }
        let (requests, send) = AsyncStream.makeStream(of: Request.self)
        send.yield(.with { $0.resourceNames = ["ROOTCA"] })
        try await server.withConnection { connection in
            try await Envoy(wrapping: connection).streamSecrets { writer in
                for await request in requests { try await writer.write(request) }
            } onResponse: { response in
                var seen: [[[UInt8]]] = []
                for try await message in response.messages {
                    let secret = try EnvoySecret(unpackingAny: try #require(message.resources.first))
                    seen.append(try blocks(secret.validationContext.crl.inlineBytes))
                    switch seen.count {
                    case 1: identities.setClock(ahead: CertificateAuthority.listLifetime - EnvoyLists.margin + 1)
                    case 2: identities.change { $0.bundle = renewed }
                    default: break
                    }
                    if seen.count == 3 { break }
                }
                send.finish()
                #expect(seen == [[first.der], [], [newer.der]])
                #expect(server.told.all.count == 1 && server.told.all[0].contains("ends, and there is no newer one"))
            }
        }
    }

    @Test func theLargestListIsEncodedOnceForAll() async throws {
        let server = try await server()
        let domain = server.identities.domain
        let list = try list(of: domain.authority, serials: 0..<RevocationList.mostCertificates)
        let bundle = try bundle([domain.authority], [list])
        server.identities.change { $0.bundle = bundle }
        let lists = EnvoyLists(areOffered: true, look: .seconds(60), now: server.identities.now) { _ in }
        let (first, second) = (lists.pem([list]), lists.pem([list]))
        #expect(place(first) == place(second) && first.count > 700_000)
        #expect(try blocks(first) == [list.der])
        // Whoever names the roots again and again gets them once.
        let secrets = try await fetch(server, Array(repeating: "ROOTCA", count: 64))
        #expect(secrets.count == 1 && secrets.first?.validationContext.crl.inlineBytes == first)
        let other = try domain.authority.revocationList(number: 2, of: [], issuedAt: TestDomain.now)
        #expect(try blocks(lists.pem([other])) == [other.der])
    }
}
