import Identity
import Issuance
import Testing

@testable import Authority

/// The bundle of an authority that shares its registry with others.
struct PublishedTrustTests {
    private let ours: CertificateAuthority
    private let others: CertificateAuthority
    private let authorities: Authorities

    init() throws {
        ours = try .createRoot(for: trustDomain, now: start)
        others = try .createRoot(for: trustDomain, now: start)
        authorities = Authorities(try Self.set(edition: 1, ours, others))
    }

    private static func set(
        edition: UInt64, _ ours: CertificateAuthority, _ others: CertificateAuthority?
    ) throws -> AuthoritySet {
        var rows = [AuthorityRow(chain: ours.chain, state: .active, preparedAt: start, owner: "a")]
        if let others {
            rows.append(AuthorityRow(chain: others.chain, state: .active, preparedAt: start, owner: "b"))
        }
        return try #require(
            AuthoritySet(
                AuthorityRows(edition: edition, rows: rows), ownedBy: "a", of: [ours],
                health: KeyHealth(observe: { _ in })))
    }

    private func list(_ number: UInt64) throws -> StoredLists.List {
        StoredLists.List(
            issuer: others.certificate, der: try others.revocationList(number: number, of: [], issuedAt: start).der)
    }

    /// Numbers of the lists, ours first.
    private func publish(
        _ trust: PublishedTrust, number: UInt64, authorities edition: UInt64 = 1, foreign: StoredLists
    ) async throws -> [UInt64] {
        let revoked = RevokedCertificates(number: number, issuedAt: start, certificates: [])
        let bundle = try await trust.publish(revoked, authorities: edition, foreign: foreign)
        return try #require(bundle).revocations.map(\.number)
    }

    /// Between the one before and the next there is none in the registry.
    @Test func anothersListStaysUntilThereIsANewerOne() async throws {
        let trust = try PublishedTrust(authorities)
        #expect(try await publish(trust, number: 1, foreign: StoredLists(edition: 1, lists: [list(1)])) == [1, 1])
        #expect(try await publish(trust, number: 2, foreign: StoredLists(edition: 1, lists: [])) == [2, 1])
        #expect(try trust.bundle.completeLists(at: start, margin: 600).count == 2)
        #expect(try await publish(trust, number: 2, foreign: StoredLists(edition: 2, lists: [list(2)])) == [2, 2])
        // One that is older than what was there is none that counts.
        #expect(try await publish(trust, number: 3, foreign: StoredLists(edition: 2, lists: [list(1)])) == [3, 2])
    }

    @Test func aListGoesWithItsCA() async throws {
        let trust = try PublishedTrust(authorities)
        #expect(try await publish(trust, number: 1, foreign: StoredLists(edition: 1, lists: [list(1)])) == [1, 1])
        authorities.replace(by: try Self.set(edition: 2, ours, nil))
        let none = StoredLists(edition: 1, lists: [])
        #expect(try await publish(trust, number: 1, authorities: 2, foreign: none) == [1])
    }
}
