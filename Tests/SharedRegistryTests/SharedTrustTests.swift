import AuthorityAPI
import EtcdTestSupport
import Foundation
import Identity
import Issuance
import JOSE
import KernelTestSupport
import OpenSSLBinding
import SPIREAPI
import Testing

@testable import Authority

/// Whom authorities above and below trust is the same for all that share a registry.
@Suite(.serialized, .blocking) struct SharedTrustTests {
    private func key(_ id: String) throws -> Spire_Api_Types_JWTKey {
        var key = Spire_Api_Types_JWTKey()
        key.keyID = id
        key.publicKey = Data(try PrivateKey.generate().publicKey.subjectPublicKeyInfo)
        key.expiresAt = start + 3600
        return key
    }

    private func keyIDs(_ registry: Registry) async throws -> [String] {
        try await registry.catchUp()
        return try await registry.publishedKeys().keys.map(\.authority.keyID)
    }

    @Test func aKeyFromBelowIsPublishedByAllAndGoesByAny() async throws {
        let shared = try await SharedRegistries()
        let (a, b) = (try await shared.open("a"), try await shared.open("b"))
        let issuer = try CertificateAuthority.createRoot(for: trustDomain, now: start)
        let entry = try NewEntry(
            spiffeID: SPIFFEID(trustDomain: trustDomain, path: "/below"),
            parent: ReservedNames.node("n", in: trustDomain), selectors: [.userID(0)], isDownstream: true
        ).checked(in: trustDomain, id: "e1", now: start)
        try await a.create(entry)
        let svid = try issuer.sign(
            ProvenRequest(csrDER: SigningRequest.make(key: PrivateKey.generate())),
            plan: .workload(id: entry.spiffeID, binding: nil), now: start)
        // In a shared registry only what a CA that is known has issued is taken down.
        _ = try await a.perform([.add(AuthorityRow(chain: issuer.chain, state: .active, preparedAt: start))])
        #expect(try await a.record([IssuedRow(svid: svid, member: nil, entry: "e1")], now: start).isEmpty)
        let shown = ShownSVID(id: svid.id, serial: svid.leaf.serialHex, issuers: [issuer.certificate.fingerprint])
        let offered = try DownstreamKey(key("below"), lifetime: .seconds(3600), now: start)
        #expect(try await a.publish(offered, of: entry, askedBy: shown, now: start))
        #expect(try await keyIDs(a) == ["below"])
        #expect(try await keyIDs(b) == ["below"])
        _ = try await b.deleteEntry("e1")
        #expect(try await b.dropDownstreamKeys(over: [], now: start, all: false) == ["below"])
        #expect(try await keyIDs(a).isEmpty)
        #expect(try await a.contents() == b.contents())
    }

    /// Each may be below another: what one is told takes nothing from the others.
    @Test func whatIsToldAboveIsEachOnesOwn() async throws {
        let shared = try await SharedRegistries()
        let (a, b) = (try await shared.open("a"), try await shared.open("b"))
        func told(_ id: String) throws -> PublishedKey {
            let offered = try DownstreamKey(key(id), lifetime: .seconds(3600), now: start)
            return PublishedKey(authority: offered.authority, notAfter: offered.notAfter)
        }
        let (first, second) = (try told("first"), try told("second"))
        #expect(try await a.take(keysAbove: [first], now: start))
        #expect(try await b.take(keysAbove: [second], now: start))
        #expect(try await !b.take(keysAbove: [second], now: start))
        #expect(try await keyIDs(a) == ["first", "second"])
        #expect(try await keyIDs(b) == ["first", "second"])
        let roots = [
            try CertificateAuthority.createRoot(for: trustDomain, now: start).certificate,
            try CertificateAuthority.createRoot(for: trustDomain, now: start).certificate,
        ]
        _ = try await a.perform([.trustAbove([roots[0]])])
        let rows = try await b.perform([.trustAbove(roots)])
        #expect(rows.rootsAbove.map(\.owner) == ["a", "b", "b"])
        _ = try await b.perform([.trustAbove([])])
        try await a.catchUp()
        #expect(try await a.authorities().rootsAbove.map(\.certificate) == [roots[0]])
        #expect(try await a.take(keysAbove: [], now: start))
        #expect(try await keyIDs(b) == ["second"])
    }

    private func above(_ id: String) throws -> PublishedKey {
        let offered = try DownstreamKey(key(id), lifetime: .seconds(3600), now: start)
        return PublishedKey(authority: offered.authority, notAfter: offered.notAfter)
    }

    /// Who was told of it is away.
    @Test func aKeyFromAboveEndsForAll() async throws {
        let shared = try await SharedRegistries()
        let (a, b) = (try await shared.open("a"), try await shared.open("b"))
        let endless = PublishedKey(authority: try above("endless").authority, notAfter: 0)
        #expect(try await a.take(keysAbove: [above("ending"), endless], now: start))
        #expect(try await keyIDs(b) == ["ending", "endless"])
        #expect(try await b.endedKeysOfOthers(now: start + 3599) == [])
        #expect(try await b.endedKeysOfOthers(now: start + 3600) == ["ending"])
        #expect(try await b.drop(keysAbove: ["ending"], now: start + 3600))
        #expect(try await !a.drop(keysAbove: ["ending"], now: start + 3600))
        #expect(try await keyIDs(a) == ["endless"])
        #expect(try await a.contents() == b.contents())
    }

    /// Nobody is left who would hear what those above take out.
    @Test func whatWasToldGoesWithTheLastCA() async throws {
        let shared = try await SharedRegistries()
        let (a, b) = (try await shared.open("a"), try await shared.open("b"))
        let own = try (0..<2).map { _ in try CertificateAuthority.createRoot(for: trustDomain, now: start) }
        let root = try CertificateAuthority.createRoot(for: trustDomain, now: start).certificate
        let rows = zip(own, [KeySchedule.Key.State.retired, .active])
            .map { AuthorityRow(chain: $0.chain, state: $1, preparedAt: start) }
        _ = try await a.perform(rows.map { .add($0) } + [.trustAbove([root])])
        #expect(try await a.take(keysAbove: [above("told")], now: start))
        #expect(try await keyIDs(b) == ["told"])
        var left = try await b.perform([.remove(own[0].certificate.fingerprint)])
        #expect(left.rootsAbove.map(\.certificate) == [root])
        #expect(try await keyIDs(b) == ["told"])
        let sequence = try await b.publishedKeys().sequence
        left = try await b.perform([.remove(own[1].certificate.fingerprint)])
        #expect(left.rootsAbove.isEmpty)
        #expect(try await keyIDs(a).isEmpty)
        #expect(try await b.publishedKeys().sequence > sequence)
        #expect(try await a.contents() == b.contents())
    }
}
