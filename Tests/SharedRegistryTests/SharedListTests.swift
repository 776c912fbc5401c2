import EtcdTestSupport
import Identity
import Issuance
import KernelTestSupport
import OpenSSLBinding
import Testing

@testable import Authority

/// What authorities that share a registry leave for each other of what they took back.
@Suite(.serialized, .blocking) struct SharedListTests {
    /// Nothing changes meanwhile that would have another edition made.
    @Test func aListThatCouldNotBeSharedIsTriedAgain() async throws {
        let shared = try await SharedRegistries()
        let (a, b) = (try await shared.open("a"), try await shared.open("b"))
        let authority = try CertificateAuthority.createRoot(for: trustDomain, now: start)
        let row = AuthorityRow(chain: authority.chain, state: .active, preparedAt: start)
        let rows = try await outside { try a.adoptNow(row) }
        #expect(try await a.renewList(now: start))
        let set = AuthoritySet(rows, ownedBy: "a", of: [authority], health: KeyHealth(observe: { _ in }))
        let authorities = Authorities(try #require(set))
        let identity = try ServerIdentity(
            authorities, name: "a", lifetime: .seconds(3600), now: { start }, observe: { _ in })
        let publisher = DirectoryPublisher(
            a, trust: try PublishedTrust(authorities), identity: identity, now: { start })
        shared.cluster.kill(0)
        #expect(try await publisher.current().bundle.revocations.map(\.number) == [1])
        try await Task.sleep(for: .seconds(1))
        try await outside { try shared.cluster.restart(0) }
        let deadline = ContinuousClock.now + .seconds(60)
        var lists: [StoredLists.List] = []
        while lists.isEmpty {
            try #require(.now < deadline)
            try await Task.sleep(for: .milliseconds(50))
            guard (try? await b.catchUp()) != nil else { continue }
            lists = try await b.published(now: start).foreignLists.lists
        }
        #expect(lists.map(\.issuer) == [authority.certificate])
        await publisher.close()
    }
}
