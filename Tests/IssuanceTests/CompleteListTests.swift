import Foundation
import Identity
import OpenSSLBinding
import Testing

@testable import Issuance

/// Lists for those who refuse what they have no list for.
struct CompleteListTests {
    private let domain: TrustDomain
    private let now = Int64(Date().timeIntervalSince1970)

    init() throws { domain = try TrustDomain("example.org") }

    private func root(
        pathLength: UInt32 = 0, lifetime: Duration = .seconds(86400 * 365)
    ) throws -> CertificateAuthority {
        try .createRoot(
            for: domain, key: PrivateKey.generate(), now: now, lifetime: lifetime, pathLength: pathLength)
    }

    private func bundle(_ roots: [CertificateAuthority], _ lists: [RevocationList]) throws -> TrustBundle {
        try TrustBundle(
            trustDomain: domain, authorities: roots.map(\.certificate), revocations: lists, sequence: 1)
    }

    private func list(_ root: CertificateAuthority) throws -> RevocationList {
        try root.revocationList(number: 1, of: [], issuedAt: now)
    }

    private func name(_ root: CertificateAuthority) -> String {
        root.certificate.sha256.map { String(format: "%02x", $0) }.joined()
    }

    @Test func thereAreThoseOfAllRootsOrNone() throws {
        let (first, second) = (try root(), try root())
        let lists = [try list(first), try list(second)]
        #expect(try bundle([first, second], lists).completeLists(at: now, margin: 600) == lists)
        // As of a CA that others know of before its list.
        #expect(throws: ListShortage.missing(root: name(second))) {
            try bundle([first, second], [lists[0]]).completeLists(at: now, margin: 600)
        }
        #expect(try TrustBundle.empty(domain).completeLists(at: now, margin: 600).isEmpty)
    }

    /// It is good from five minutes before `now` on, for a day: longer than clocks of nodes are behind.
    @Test func aListThatEndsOrHasNotBegunIsNone() throws {
        let root = try root()
        let bundle = try bundle([root], [list(root)])
        for later: Int64 in [-300, -30, 0, 85800] {
            #expect(try bundle.completeLists(at: now + later, margin: 600).count == 1)
        }
        #expect(throws: ListShortage.notBegun(root: name(root))) {
            try bundle.completeLists(at: now - 301, margin: 600)
        }
        for later: Int64 in [85801, 86401] {
            #expect(throws: ListShortage.ending(root: name(root))) {
                try bundle.completeLists(at: now + later, margin: 600)
            }
        }
    }

    @Test func aRootThatMayHaveAuthoritiesBelowHasNone() throws {
        let (first, second) = (try root(), try root(pathLength: 1))
        let bundle = try bundle([first, second], [list(first), list(second)])
        #expect(bundle.revocations.count == 2)
        #expect(throws: ListShortage.authoritiesBelow(root: name(second))) {
            try bundle.completeLists(at: now, margin: 600)
        }
    }

    /// Others below the same root have lists that nobody here has.
    @Test func aCABelowARootHasNone() throws {
        let (above, below) = (try root(pathLength: 1), try root())
        let bundle = try TrustBundle(
            trustDomain: domain, authorities: [above.certificate], issuers: [below.certificate],
            revocations: [list(below)], sequence: 1)
        #expect(bundle.revocations.count == 1)
        #expect(throws: ListShortage.authoritiesBelow(root: name(above))) {
            try bundle.completeLists(at: now, margin: 600)
        }
    }

    @Test func aRootThatHasEndedNeedsNone() throws {
        let (ended, root) = (try root(lifetime: .seconds(60)), try root())
        let bundle = try bundle([ended, root], [list(root)])
        #expect(throws: ListShortage.missing(root: name(ended))) { try bundle.completeLists(at: now, margin: 600) }
        #expect(try bundle.completeLists(at: now + 61, margin: 600).map(\.authority) == [root.certificate])
    }

    /// One list speaks for all certificates of a key.
    @Test func anotherCertificateOfTheSameKeyNeedsNoOther() throws {
        let first = try root()
        let second = try CertificateAuthority.createRoot(for: domain, key: first.key, now: now)
        let bundle = try bundle([first, second], [list(first)])
        #expect(try bundle.completeLists(at: now, margin: 600).map(\.authority) == [first.certificate])
    }
}
