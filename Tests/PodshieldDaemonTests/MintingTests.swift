import AdminAPI
import FoundationEssentials
import GRPCCore
import GRPCNIOTransportHTTP2
import Identity
import JOSE
import OpenSSLBinding
import SwiftProtobuf
import Telemetry
import Testing

@testable import PodshieldDaemon

/// SVIDs that an operator has made on the authority, asked for over the real socket.
@Suite(.serialized, .timeLimit(.minutes(1))) struct MintingTests {
    typealias Client = Podshield_Admin_V1_Admin.Client<HTTP2ClientTransport.Posix>

    private static let id = "spiffe://example.org/ns/shop/sa/web"

    private func withDaemon(_ body: @escaping @Sendable (Client, DaemonContext) async throws -> Void) async throws {
        try await withAuthority(port: 17631) { try await body(Client(wrapping: $0), $1) }
    }

    private static func reason(of call: () async throws -> Void) async -> AdminErrorReason? {
        do {
            try await call()
            return nil
        } catch {
            return (error as? RPCError).flatMap(AdminError.init)?.reason
        }
    }

    @Test func aTokenIsMadeAndToldOf() async throws {
        try await withDaemon { client, context in
            let made = try await client.mintJWT(
                .with {
                    $0.spiffeID = Self.id
                    $0.audience = ["db"]
                    $0.ttl = 60
                })
            #expect(made.spiffeID == Self.id && made.audience == ["db"] && !made.keyID.isEmpty)
            #expect(abs(made.expiresAt - WallClock.seconds() - 60) < 10)
            #expect(made.token.split(separator: ".").count == 3)
            let events = context.telemetry.history(last: 1000).map(\.event)
            let told = try #require(events.first { $0.kind == .svidMinted })
            #expect(told.fields[.spiffeID] == Self.id && told.fields[.audience] == "db" && told.fields[.user] == "0")
            for event in events {
                #expect(!event.message.contains(made.token))
                #expect(!event.fields.values.contains { $0.contains(made.token) })
            }
        }
    }

    @Test func aCertificateIsMadeWithItsKey() async throws {
        try await withDaemon { client, context in
            let made = try await client.mintX509(
                .with {
                    $0.spiffeID = Self.id
                    $0.dnsNames = ["web.example.org"]
                    $0.ttl = 60
                })
            let trustDomain = try TrustDomain("example.org")
            let roots = try made.bundle.map { try Certificate(der: Array($0)) }
            let bundle = try TrustBundle(trustDomain: trustDomain, authorities: roots, sequence: 1)
            let svid = try SVIDVerifier(bundle: bundle).verify(
                chainDER: made.chain.map(Array.init), at: WallClock.seconds())
            #expect(svid.id.description == Self.id && svid.binding == nil && svid.leaf.serialHex == made.serial)
            let key = try PrivateKey(pkcs8DER: SecretBytes(Array(made.privateKey)))
            #expect(throws: Never.self) { try KeyedSVID(svid: svid, key: key) }
            let told = context.telemetry.history(last: 1000).map(\.event).first { $0.kind == .svidMinted }
            #expect(told?.fields[.serial] == made.serial && told?.fields[.user] == "0")
        }
    }

    /// No operator is given what is the authority's or a node's own, or another trust domain's.
    @Test(arguments: [
        "spiffe://example.org", "spiffe://example.org/podshield/node/a", "spiffe://example.org/podshield/authority/b",
        "spiffe://other.org/a", "web", "",
    ])
    func someIDsAreNobodys(_ id: String) async throws {
        try await withDaemon { client, context in
            let token = await Self.reason {
                _ = try await client.mintJWT(
                    .with {
                        $0.spiffeID = id
                        $0.audience = ["db"]
                    })
            }
            let certificate = await Self.reason { _ = try await client.mintX509(.with { $0.spiffeID = id }) }
            #expect(token == .invalid && certificate == .invalid)
            #expect(!context.telemetry.history(last: 1000).contains { $0.event.kind == .svidMinted })
        }
    }

    @Test func nonsenseIsRefused() async throws {
        try await withDaemon { client, _ in
            for (audience, ttl) in [([], 0), ([""], 0), (["db"], -1), (["db"], 86401), (["db"], .max)]
                as [([String], Int64)]
            {
                let reason = await Self.reason {
                    _ = try await client.mintJWT(
                        .with {
                            $0.spiffeID = Self.id
                            $0.audience = audience
                            $0.ttl = ttl
                        })
                }
                #expect(reason == .invalid, "\(audience) \(ttl)")
            }
            for (name, ttl) in [("*.example.org", 0), ("", 0), ("web", -1), ("web", .max)] as [(String, Int64)] {
                let reason = await Self.reason {
                    _ = try await client.mintX509(
                        .with {
                            $0.spiffeID = Self.id
                            $0.dnsNames = [name]
                            $0.ttl = ttl
                        })
                }
                #expect(reason == .invalid, "\(name) \(ttl)")
            }
        }
    }
}
