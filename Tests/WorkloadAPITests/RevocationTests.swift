import AuthorityAPI
import Foundation
import GRPCCore
import Glibc
import Identity
import Issuance
import JOSE
import LinkTestSupport
import OpenSSLBinding
import Testing
import WorkloadProtocol

@testable import WorkloadAPI

extension TestIdentities {
    /// Takes an SVID back, and none that was before.
    @discardableResult func revoke(_ svid: KeyedSVID) throws -> RevocationList {
        let hex = Array(svid.svid.leaf.serialHex.utf8)
        let serial = stride(from: 0, to: hex.count, by: 2).compactMap { place in
            UInt8(String(decoding: hex[place...place + 1], as: UTF8.self), radix: 16)
        }
        let list = try domain.authority.revocationList(
            number: 1, of: [RevokedCertificate(serial: serial, revokedAt: TestDomain.now, reason: .unspecified)],
            issuedAt: TestDomain.now)
        let bundle = try TrustBundle(
            trustDomain: domain.name, authorities: [domain.authority.certificate], revocations: [list], sequence: 2)
        change { $0.bundle = bundle }
        return list
    }
}

/// What workloads are told of certificates that were taken back.
@Suite(.timeLimit(.minutes(1))) struct RevocationTests {
    private static let own = [Selector.userID(geteuid())]

    /// W-3: lists are part of all there is.
    @Test func w3BothX509CallsCarryTheList() async throws {
        let server = try await TestServer()
        let identities = server.identities
        try identities.add("web", Self.own)
        let revoked = try identities.svid("gone")
        try await server.withClient { client in
            #expect(try await client.svids()?.crl == [])
            #expect(try await client.bundles()?.crl == [])
            let list = try identities.revoke(revoked)
            #expect(try await client.svids()?.crl == [Data(list.der)])
            #expect(try await client.bundles()?.crl == [Data(list.der)])
        }
        // By it, a client refuses what was taken back, and nothing else.
        let bundle = identities.bundle
        #expect(bundle.revokes(revoked.svid))
        #expect(try !bundle.revokes(identities.svid("web").svid))
    }

    /// Of other trust domains as well, which are the bundles' and not the SVIDs'.
    @Test func listsOfOtherTrustDomainsComeWithTheirBundles() async throws {
        let server = try await TestServer()
        let identities = server.identities
        let partner = try TrustDomain("partner.example")
        let authority = try CertificateAuthority.createRoot(for: partner, now: TestDomain.now)
        let list = try authority.revocationList(
            number: 1, of: [RevokedCertificate(serial: [7], revokedAt: TestDomain.now, reason: .unspecified)],
            issuedAt: TestDomain.now)
        let bundle = try TrustBundle(
            trustDomain: partner, authorities: [authority.certificate], revocations: [list], sequence: 1)
        identities.change { $0.foreignBundles = [BundleDocument(bundle: bundle, jwtBundle: .empty(partner))] }
        try identities.add("web", Self.own, federatesWith: [partner])
        let own = try identities.revoke(identities.svid("gone"))
        try await server.withClient { client in
            let (svids, bundles) = (try await client.svids(), try await client.bundles())
            #expect(svids?.crl == [Data(own.der)])
            #expect(Set(bundles?.crl ?? []) == [Data(own.der), Data(list.der)])
        }
    }
}
