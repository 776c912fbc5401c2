import EtcdTestSupport
import Identity
import Issuance
import KernelTestSupport
import OpenSSLBinding
import SharedRegistry
import Synchronization
import Testing

@testable import Authority

/// What authorities that share a registry leave for each other of what they took back.
@Suite(.serialized, .blocking) struct SharedListTests {
    private let authority: CertificateAuthority
    private let told = Journal()

    private final class Journal: Sendable {
        private let lines = Mutex<[String]>([])

        func write(_ event: AuthorityEvent) {
            let line: String? =
                switch event {
                case .listsNotShared(let error): "\(error)"
                case .listsShared: "shared"
                default: nil
                }
            if let line { lines.withLock { $0.append(line) } }
        }

        var all: [String] { lines.withLock { $0 } }
    }

    init() throws { authority = try CertificateAuthority.createRoot(for: trustDomain, now: start) }

    /// Of authority a, which has a CA and a list to share.
    private func publisher(of a: Registry) async throws -> DirectoryPublisher {
        let row = AuthorityRow(chain: authority.chain, state: .active, preparedAt: start)
        let rows = try await outside { try a.adoptNow(row) }
        #expect(try await a.renewList(now: start))
        let set = AuthoritySet(rows, ownedBy: "a", of: [authority], health: KeyHealth(observe: { _ in }))
        let authorities = Authorities(try #require(set))
        let identity = try ServerIdentity(
            authorities, name: "a", lifetime: .seconds(3600), now: { start }, observe: { _ in })
        return DirectoryPublisher(
            a, trust: try PublishedTrust(authorities), identity: identity, now: { start },
            observe: { [told] in told.write($0) })
    }

    /// Nothing changes meanwhile that would have another edition made.
    @Test func aListThatCouldNotBeSharedIsTriedAgain() async throws {
        let shared = try await SharedRegistries()
        let (a, b) = (try await shared.open("a"), try await shared.open("b"))
        let publisher = try await publisher(of: a)
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

    /// Once when it begins, however often it is tried, and once when it is over.
    @Test func aListThatIsNotTakenIsTold() async throws {
        let shared = try await SharedRegistries()
        let log = Forgetful(shared.log())
        let path = shared.path("a")
        let a = try await outside { try Registry(path: path, trustDomain: trustDomain, sharedBy: log, as: "a") }
        let publisher = try await publisher(of: a)
        log.isFull.withLock { $0 = true }
        let before = log.asked.withLock { $0 }
        _ = try await publisher.current()
        try await eventually("it is told") { told.all.count == 1 }
        let tries = log.asked.withLock { $0 }
        #expect(tries > before)
        try await eventually("it is tried again") { log.asked.withLock { $0 } > tries }
        #expect(told.all == ["\(RegistryError.shared(.refused("no more room")))"])
        log.isFull.withLock { $0 = false }
        try await eventually("and told when it is taken") { told.all.last == "shared" }
        #expect(told.all.count == 2)
        await publisher.close()
    }
}
