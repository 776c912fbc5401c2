import Addressing
import AuthorityAPI
import Etcd
import EtcdTestSupport
import GRDB
import Identity
import Issuance
import KernelTestSupport
import OpenSSLBinding
import SharedRegistry
import Synchronization
import Testing

@testable import Authority

// Each has an etcd of its own; many at once leave a machine no time for anything else.
@Suite(.serialized, .blocking) struct SharingTests {
    /// However many authorities ask at once: a name has one number everywhere, and a number one name.
    @Test func noNumberIsGivenOutTwice() async throws {
        let shared = try await SharedRegistries(members: 3)
        let registries = [try await shared.open("a"), try await shared.open("b"), try await shared.open("c")]
        let numbers = try await withThrowingTaskGroup(of: (String, UInt32).self) { group in
            for name in 0..<20 {
                for registry in registries {
                    group.addTask { ("/w\(name)", try await registry.identity("/w\(name)")) }
                }
            }
            return try await group.reduce(into: [:]) { $0[$1.0, default: Set<UInt32>()].insert($1.1) }
        }
        #expect(numbers.count == 20 && numbers.values.allSatisfy { $0.count == 1 })
        #expect(Set(numbers.values.map { $0.first }).count == 20)
        for registry in registries { try await registry.catchUp() }
        let contents = try await registries[0].contents()
        #expect(contents.count > 20)
        #expect(try await registries[1].contents() == contents)
        #expect(try await registries[2].contents() == contents)
    }

    /// One token shown to all of them at once, many times.
    @Test func aTokenIsUsedOnce() async throws {
        let shared = try await SharedRegistries()
        let registries = [try await shared.open("a"), try await shared.open("b"), try await shared.open("c")]
        let authority = try CertificateAuthority.createRoot(for: trustDomain, now: start)
        let token = try JoinToken.generate()
        try await registries[0].add(token, node: nil, expiresAt: start + 600, now: start)
        let outcomes = await withTaskGroup(of: Result<NodeRecord, JoinRefusal>.self) { group in
            for index in 0..<50 {
                let registry = registries[index % 3]
                group.addTask {
                    do throws(JoinRefusal) {
                        return .success(try await registry.join("node-\(index)", token, authority))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let joined = outcomes.compactMap { try? $0.get() }
        #expect(joined.count == 1)
        #expect(outcomes.count { $0 == .failure(.usedToken) } == 49, "\(outcomes)")
        for registry in registries { #expect(try await registry.nodes() == joined) }
    }

    /// Others hear of a change without asking, and of which.
    @Test func aChangeIsHeardOf() async throws {
        let shared = try await SharedRegistries()
        let a = try await shared.open("a")
        let b = try await shared.open("b")
        let following = Task { await b.follow { _ in } }
        defer { following.cancel() }
        let signals = try #require(b.replica).foreign.signals
        _ = try await a.identity("/w")
        for await _ in signals { break }
        #expect(try #require(b.replica).foreign.take().tables == ["identities", "counters"])
        #expect(try await b.contents() == a.contents())
    }

    /// What a watch misses is found by looking, from time to time.
    @Test func whatAWatchMissesIsFound() async throws {
        let shared = try await SharedRegistries()
        let log = Forgetful(shared.log())
        log.isDeaf.withLock { $0 = true }
        let a = try await shared.open("a")
        let path = shared.path("b")
        let b = try await outside { try Registry(path: path, trustDomain: trustDomain, sharedBy: log, as: "b") }
        let following = Task { await b.follow { _ in } }
        defer { following.cancel() }
        // The first look is over by then.
        try await Task.sleep(for: .seconds(1))
        _ = try await a.identity("/w")
        let contents = try await a.contents()
        try await eventually("it is found") { try await b.contents() == contents }
    }

    /// What an authority of an older version changes counts, and what one of a newer one changes stops us.
    @Test func versionsMayDiffer() async throws {
        let shared = try await SharedRegistries()
        let (a, b) = (try await shared.open("a"), try await shared.open("b"))
        let own = UInt16(RegistrySchema.migrator.migrations.count)
        let count: @Sendable (Database) throws -> Void = { db in _ = try db.advance("revision") }
        let older = RegistryReplica(log: shared.log(), schema: own - 1)
        try await a.alone { db in try older.write(db, count) }
        try await b.catchUp()
        try await a.catchUp()
        #expect(try await b.contents() == a.contents())
        let following = Task { await a.follow { _ in } }
        defer { following.cancel() }
        let newer = RegistryReplica(log: shared.log(), schema: own + 1)
        try await a.alone { db in try newer.write(db, count) }
        await #expect(throws: RegistryError.shared(.newer)) { try await b.catchUp() }
        await #expect(throws: RegistryError.shared(.newer)) { try await b.identity("/x") }
        // It answers, and b hears nothing by it all the same.
        try await eventually("nodes are to leave") { b.isCutOff }
        #expect(!a.isCutOff)
    }

    /// Also that this authority has to stop, or is to be upgraded.
    @Test func whatIsWorseThanARefusalIsTold() async throws {
        let shared = try await SharedRegistries()
        let log = Forgetful(shared.log())
        let path = shared.path("a")
        let a = try await outside { try Registry(path: path, trustDomain: trustDomain, sharedBy: log, as: "a") }
        let told = Told()
        let following = Task { await a.follow { told.add($0) } }
        defer { following.cancel() }
        log.mood.withLock { $0 = .refuses }
        await #expect(throws: RegistryError.self) { try await a.identity("/x") }
        try await eventually("the refusal is said") { told.kinds == ["refused"] }
        let b = try await shared.open("b")
        let newer = RegistryReplica(log: shared.log(), schema: UInt16(RegistrySchema.migrator.migrations.count) + 1)
        try await b.alone { db in try newer.write(db) { db in _ = try db.advance("revision") } }
        try await eventually("and then what is worse") { told.kinds == ["refused", "\(RegistryError.shared(.newer))"] }
    }

    /// One that comes later has all of it: by the snapshot, and by what came after that.
    @Test func aNewcomerTakesOverWhatThereIs() async throws {
        let shared = try await SharedRegistries()
        let a = try await shared.open("a")
        _ = try await a.identity("/w")
        let b = try await shared.open("b")
        #expect(try await b.contents() == a.contents())
        #expect(try await b.identity("/w") == a.identity("/w"))
        #expect(try await b.identity("/x") != a.identity("/w"))
    }

    /// What an authority had before it shares anything is what all have then.
    @Test func anAuthorityBringsWhatItHas() async throws {
        let shared = try await SharedRegistries()
        let path = shared.path("a")
        let alone = try await outside { try Registry(path: path, trustDomain: trustDomain) }
        let number = try await alone.identity("/w")
        try await shared.close(alone)
        _ = try await shared.open("a")
        #expect(try await shared.open("b").identity("/w") == number)
    }

    /// Old entries go when two snapshots stand for them; who was away for so long takes the newest over.
    @Test func whoIsLeftBehindTakesASnapshotOver() async throws {
        let shared = try await SharedRegistries()
        let a = try await shared.open("a")
        let b = try await shared.open("b")
        let number = try await b.identity("/w0")
        try await shared.close(b)
        for name in 1...6 {
            _ = try await a.identity("/w\(name)")
            try await a.renewSnapshot(every: 2)
        }
        let log = shared.log()
        let first = try await outside { Result { try log.entries(from: 1) } }
        #expect(throws: SharedLogError.leftBehind) { try first.get() }
        let again = try await shared.open("b")
        #expect(try await again.contents() == a.contents())
        #expect(try await again.identity("/w0") == number)
    }

    /// Each has CAs and keys of its own; what is activated is one's own alone.
    @Test func eachHasItsOwnCAs() async throws {
        let shared = try await SharedRegistries()
        let a = try await shared.open("a")
        let b = try await shared.open("b")
        var own: [AuthorityRow] = []
        for registry in [a, b] {
            let authority = try CertificateAuthority.createRoot(for: trustDomain, now: start)
            let row = AuthorityRow(chain: authority.chain, state: .active, preparedAt: start)
            own.append(row)
            _ = try await outside { try registry.adoptNow(row) }
        }
        try await a.catchUp()
        let rows = try await a.authorities()
        #expect(rows.of("a").map(\.chain) == [own[0].chain] && rows.of("b").map(\.chain) == [own[1].chain])
        let next = try CertificateAuthority.createRoot(for: trustDomain, now: start + 1)
        let steps: [AuthorityStep] = [
            .add(AuthorityRow(chain: next.chain, state: .prepared, preparedAt: start + 1)),
            .activate(next.certificate.fingerprint),
        ]
        let after = try await b.perform(steps)
        #expect(after.of("a").map(\.state) == [.active])
        #expect(after.of("b").map(\.state) == [.retired, .active])
    }

    /// Two begin at once: one is the first, and the other comes to it at its next try, if not at once.
    @Test func twoBeginAtOnce() async throws {
        let shared = try await SharedRegistries()
        await withTaskGroup(of: Void.self) { group in
            for name in ["a", "b"] {
                group.addTask { if let begun = try? await shared.open(name) { try? await shared.close(begun) } }
            }
        }
        let a = try await shared.open("a")
        let b = try await shared.open("b")
        #expect(try await b.identity("/w") == a.identity("/w"))
    }

    /// Another becomes the first just when this one has found that there is none.
    @Test func anotherMayBeginBetweenTwoLooks() async throws {
        let shared = try await SharedRegistries()
        let log = Forgetful(shared.log())
        let (path, others) = (shared.path("b"), shared.path("a"))
        log.afterALook.withLock {
            $0 = { [other = shared.log()] in
                try? Registry(path: others, trustDomain: trustDomain, sharedBy: other, as: "a").close()
            }
        }
        await #expect(throws: RegistryError.shared(.contended)) {
            try await outside { try Registry(path: path, trustDomain: trustDomain, sharedBy: log, as: "b") }
        }
        #expect(log.afterALook.withLock { $0 == nil })
        let (a, b) = (try await shared.open("a"), try await shared.open("b"))
        #expect(try await b.identity("/w") == a.identity("/w"))
    }

    @Test func aBeginThatWasInterruptedGoesOn() async throws {
        let shared = try await SharedRegistries()
        try await shared.close(shared.open("a"))
        try shared.cluster.etcdctl("del", "--prefix", "/podshield/")
        _ = try await shared.open("a")
        #expect(try await shared.open("b").identity("/w") > 0)
    }

    @Test func aSnapshotThatIsNoneIsNotTaken() async throws {
        let shared = try await SharedRegistries()
        _ = try await shared.open("a")
        let head = try await outside { try shared.log().newestSnapshot() }
        let digest = try #require(head?.digest)
        let part = "/podshield/example.org/snapshots/\(digest)/0000000000000000"
        try shared.cluster.etcdctl("put", part, "x")
        await #expect {
            try await shared.open("b")
        } throws: {
            if case .shared(.nonsense)? = $0 as? RegistryError { true } else { false }
        }
    }

    /// One that runs, and slept while entries went: it must not write into the gap that they left.
    @Test func whoIsLeftBehindWritesNothing() async throws {
        let shared = try await SharedRegistries()
        let a = try await shared.open("a")
        let b = try await shared.open("b")
        let taken = try await a.identity("/w0")
        for name in 1...6 {
            _ = try await a.identity("/w\(name)")
            try await a.renewSnapshot(every: 2)
        }
        await #expect(throws: RegistryError.shared(.leftBehind)) { try await b.identity("/x") }
        try await shared.close(b)
        #expect(try await shared.open("b").identity("/w0") == taken)
    }

    /// The entry that it has last is another's by now: etcd was put back, and others went on.
    @Test func anotherHistoryIsNotFollowed() async throws {
        let shared = try await SharedRegistries()
        let a = try await shared.open("a")
        let b = try await shared.open("b")
        _ = try await a.identity("/w")
        try await shared.close(a)
        try shared.cluster.etcdctl("del", "/podshield/example.org/log/0000000000000001")
        _ = try await b.identity("/x")
        await #expect {
            try await shared.open("a")
        } throws: {
            if case .shared(.diverged)? = $0 as? RegistryError { true } else { false }
        }
    }

    /// A try whose answer was lost and that is made once more is not taken for somebody else's.
    @Test func whatTheLogTookWasDone() async throws {
        let shared = try await SharedRegistries()
        let log = Forgetful(shared.log())
        let path = shared.path("a")
        let a = try await outside { try Registry(path: path, trustDomain: trustDomain, sharedBy: log, as: "a") }
        let token = try JoinToken.generate()
        for (number, mood) in [Forgetful.Mood.saysNo, .saysNothing].enumerated() {
            log.mood.withLock { $0 = mood }
            let authority = try CertificateAuthority.createRoot(for: trustDomain, now: start + Int64(number))
            let row = AuthorityRow(chain: authority.chain, state: .prepared, preparedAt: start)
            let rows = try await a.perform([.add(row)])
            #expect(rows.rows.count == number + 1)
        }
        log.mood.withLock { $0 = .saysNothing }
        try await a.add(token, node: nil, expiresAt: start + 600, now: start)
    }

    /// However much has ended, it is forgotten bit by bit.
    @Test func muchThatHasEndedStopsNobody() async throws {
        let shared = try await SharedRegistries()
        let a = try await shared.open("a")
        for batch in 0..<6 {
            try await a.write(as: RegistryError.self) { db in
                for number in 0..<1000 {
                    try db.execute(
                        sql: """
                            INSERT INTO certificates (serial, spiffe_id, node, entry, not_after)
                            VALUES (?, ?, 0, '', ?)
                            """,
                        arguments: [
                            "\(batch)-\(number)-0123456789abcdef0123456789", String(repeating: "x", count: 200), start,
                        ])
                }
            }
        }
        for _ in 0..<12 { _ = try await a.record([], now: start + 1) }
        let left = try await a.read(as: RegistryError.self) { db in
            try Int.fetchOne(db, sql: "SELECT count(*) FROM certificates")
        }
        #expect(left == 0)
    }

    /// Taken out is taken out: not by a start, nor by whoever has the key.
    @Test func aCAThatWasTakenOutStaysOut() async throws {
        let shared = try await SharedRegistries()
        let a = try await shared.open("a")
        let b = try await shared.open("b")
        let authority = try CertificateAuthority.createRoot(for: trustDomain, now: start)
        let row = AuthorityRow(chain: authority.chain, state: .active, preparedAt: start)
        _ = try await outside { try a.adoptNow(row) }
        let after = try await b.perform([.revoke(authority.certificate.fingerprint)])
        #expect(after.rows.isEmpty)
        await #expect(throws: RegistryError.takenOut(authority.certificate.fingerprint)) {
            try await outside { try a.adoptNow(row) }
        }
    }

    // MARK: What must not be

    @Test func aRegistryOfItsOwnIsNotReplaced() async throws {
        let shared = try await SharedRegistries()
        _ = try await shared.open("a")
        let path = shared.path("b")
        let alone = try await outside { try Registry(path: path, trustDomain: trustDomain) }
        let number = try await alone.identity("/w")
        try await shared.close(alone)
        await #expect(throws: RegistryError.shared(.stranger(path: path))) { try await shared.open("b") }
        let again = try await outside { try Registry(path: path, trustDomain: trustDomain) }
        #expect(try await again.identity("/w") == number)
    }

    @Test func aSharedOneDoesNotGoItsOwnWay() async throws {
        let shared = try await SharedRegistries()
        try await shared.close(shared.open("a"))
        let path = shared.path("a")
        await #expect(throws: RegistryError.wasShared(path: path)) {
            try await outside { try Registry(path: path, trustDomain: trustDomain) }
        }
    }

    /// As a backup has it: its owner's CA is its own, and the others' stay known. It can be shared anew, by another name.
    @Test func aCopyIsSharedWithNobody() async throws {
        let shared = try await SharedRegistries()
        let (a, b) = (try await shared.open("a"), try await shared.open("b"))
        var chains: [[Certificate]] = []
        for registry in [a, b] {
            let authority = try CertificateAuthority.createRoot(for: trustDomain, now: start)
            chains.append(authority.chain)
            let row = AuthorityRow(chain: authority.chain, state: .active, preparedAt: start)
            _ = try await outside { try registry.adoptNow(row) }
        }
        try await a.catchUp()
        let number = try await a.identity("/w")
        let (path, copy, own) = (shared.path("a"), shared.path("c"), chains[0][0].fingerprint)
        let alone = try await outside {
            try Registry.copy(path, to: copy)
            let isAnothers = try !Registry.separate(copy, forOwnerOf: "00")
            let isOwn = try Registry.separate(copy, forOwnerOf: own)
            #expect(isAnothers && isOwn)
            let registry = try Registry(path: copy, trustDomain: trustDomain)
            try registry.leap(over: 0)
            return registry
        }
        let rows = try await alone.authorities()
        #expect(rows.of("").map(\.chain) == [chains[0]] && rows.of("b").map(\.chain) == [chains[1]])
        try await shared.close(alone)
        // Those who went on do not know it any more.
        await #expect(throws: RegistryError.shared(.stranger(path: copy))) { try await shared.open("c") }
        let other = shared.log("/podshield-anew/example.org/")
        let anew = try await shared.open("c", sharedBy: other)
        #expect(try await anew.authorities().of("c").map(\.chain) == [chains[0]])
        #expect(try await anew.identity("/w") == number)
        #expect(try await anew.identity("/x") > number + UInt32(Registry.leapOfIdentities))
        #expect(try await shared.open("d", sharedBy: other).identity("/w") == number)
    }

    @Test func anEmptyEtcdIsNoNewBeginning() async throws {
        let shared = try await SharedRegistries()
        let a = try await shared.open("a")
        _ = try await a.identity("/w")
        try await shared.close(a)
        try shared.cluster.etcdctl("del", "--prefix", "/podshield/")
        await #expect(throws: RegistryError.shared(.forgotten)) { try await shared.open("a") }
    }

    /// As when etcd was restored from what it was before.
    @Test func anEtcdOfBeforeIsNoticed() async throws {
        let shared = try await SharedRegistries()
        let a = try await shared.open("a")
        for name in 0..<3 { _ = try await a.identity("/w\(name)") }
        try await shared.close(a)
        for number in [2, 3] {
            try shared.cluster.etcdctl("del", "/podshield/example.org/log/000000000000000\(number)")
        }
        await #expect(throws: RegistryError.shared(.forgotten)) { try await shared.open("a") }
    }

    @Test func anEntryThatIsNoneStopsThem() async throws {
        let shared = try await SharedRegistries()
        let a = try await shared.open("a")
        try shared.cluster.etcdctl("put", "/podshield/example.org/log/0000000000000001", "nonsense")
        await #expect(throws: RegistryError.shared(.nonsense("an entry of 8 bytes, number 1"))) {
            try await a.identity("/w")
        }
    }

    /// Without etcd nothing is changed, and what is known is still answered.
    @Test func withoutEtcdNothingChanges() async throws {
        let shared = try await SharedRegistries()
        let a = try await shared.open("a")
        let number = try await a.identity("/w")
        shared.cluster.kill(0)
        #expect(try await a.identity("/w") == number)
        await #expect {
            try await a.identity("/x")
        } throws: {
            if case .shared(.unreachable)? = $0 as? RegistryError { true } else { false }
        }
        try shared.cluster.restart(0)
        try await eventually("it goes on") { try await a.identity("/x") > number }
    }

    /// An etcd that is there and says nothing: one change waits for it, all others are refused without a question, until it answers again.
    @Test func nobodyWaitsForWhatDoesNotAnswer() async throws {
        let shared = try await SharedRegistries()
        let log = Forgetful(shared.log(timeLimit: .seconds(2)))
        let path = shared.path("a")
        let a = try await outside { try Registry(path: path, trustDomain: trustDomain, sharedBy: log, as: "a") }
        let number = try await a.identity("/w")
        let told = Told()
        let following = Task { await a.follow { told.add($0) } }
        defer { following.cancel() }
        shared.cluster.freeze(0)
        await #expect(throws: RegistryError.self) { try await a.identity("/x") }
        let asked = log.asked.withLock { $0 }
        for name in 0..<20 {
            await #expect {
                try await a.identity("/x\(name)")
            } throws: {
                if case .shared(.unreachable)? = $0 as? RegistryError { true } else { false }
            }
        }
        await #expect(throws: RegistryError.self) { try await a.catchUp() }
        #expect(log.asked.withLock { $0 } == asked)
        #expect(try await a.identity("/w") == number)
        try await eventually("it is said, once") { told.kinds == ["unreachable"] }
        try await eventually("nodes are to leave") { a.isCutOff }
        shared.cluster.goOn(0)
        try await eventually("it goes on") { try await a.identity("/x") > number }
        #expect(!a.isCutOff)
        try await eventually("that is said, too") { told.kinds == ["unreachable", "nil"] }
    }

    /// What is known is still heard of; that nothing can be changed is said when somebody tries.
    @Test func aFullEtcdIsToldOf() async throws {
        let shared = try await SharedRegistries(quota: 16 << 20)
        let a = try await shared.open("a")
        _ = try await a.identity("/w")
        let told = Told()
        let following = Task { await a.follow { told.add($0) } }
        defer { following.cancel() }
        try await outside { try shared.cluster.fill() }
        await #expect {
            try await a.identity("/x")
        } throws: {
            "\($0)".contains("database space exceeded")
        }
        try await a.catchUp()
        try await eventually("it is said") { told.kinds == ["refused"] }
        try await outside { try shared.cluster.makeRoom() }
        _ = try await a.identity("/x")
        try await eventually("that is said, too") { told.kinds == ["refused", "nil"] }
    }
}

/// What a registry that follows the others says of its trouble.
private final class Told: Sendable {
    private let all = Mutex<[String]>([])

    var kinds: [String] { all.withLock { $0 } }

    func add(_ trouble: RegistryError?) {
        let kind =
            switch trouble {
            case nil: "nil"
            case .shared(.unreachable): "unreachable"
            case .shared(.refused): "refused"
            case let other?: "\(other)"
            }
        all.withLock { $0.append(kind) }
    }
}

extension Registry {
    fileprivate func join(
        _ name: String, _ token: JoinToken, _ authority: CertificateAuthority
    ) async throws(JoinRefusal) -> NodeRecord {
        guard let address = IPAddress("192.0.2.1") else { throw .unknownToken }
        let endpoint = NodeEndpoint(address: address, linkPort: 4510, espPort: 4500)
        let joining = Joining(credential: .token(token), name: name, endpoint: endpoint)
        let granted = try await grantedName(joining, now: start)
        let svid: X509SVID
        do {
            let request = try ProvenRequest(csrDER: SigningRequest.make(key: .generate()))
            svid = try authority.sign(request, plan: .node(granted, in: trustDomain), now: start)
        } catch {
            throw .badName("\(error)")
        }
        return try await join(joining, with: svid, now: start)
    }
}
