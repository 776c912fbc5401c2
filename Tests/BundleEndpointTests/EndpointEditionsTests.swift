import Identity
import Issuance
import JOSE
import Testing

@testable import BundleEndpoint

@Suite struct EndpointEditionsTests {
    private let domain: TrustDomain
    private let bundle: TrustBundle

    init() throws {
        domain = try TrustDomain("example.org")
        bundle = try CertificateAuthority.createRoot(for: domain, now: 1_800_000_000).bundle
    }

    private func keys(_ sequence: UInt64) throws -> JWTBundle {
        try #require(JWTBundle(trustDomain: domain, authorities: [], sequence: sequence))
    }

    /// Another bundle under the same number shows that it is not looked at again.
    @Test func oneEditionIsEncodedOnce() async throws {
        let editions = EndpointEditions(refreshHint: .seconds(60), issuer: nil)
        let first = await editions.documents(of: bundle, try keys(1))
        var other = try CertificateAuthority.createRoot(for: domain, now: 1_800_000_000).bundle
        other.sequence = bundle.sequence
        let again = await editions.documents(of: other, try keys(1))
        #expect(again.content(at: "/")?.sha256 == first.content(at: "/")?.sha256 && again.age == 60)
    }

    @Test func anotherEditionIsAnother() async throws {
        let editions = EndpointEditions(
            refreshHint: .seconds(60), issuer: try JWTIssuer("https://oidc.example.org"))
        var later = bundle
        later.sequence += 1
        var seen: Set<[UInt8]?> = []
        for (bundle, number) in [(bundle, 1), (later, 1), (later, 3)] as [(TrustBundle, UInt64)] {
            let documents = await editions.documents(of: bundle, try keys(number))
            #expect(documents.content(at: DiscoveryDocument.keysPath) != nil)
            seen.insert(documents.content(at: "/")?.sha256)
        }
        #expect(seen.count == 3)
    }
}
