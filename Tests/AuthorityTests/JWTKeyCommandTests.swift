import Foundation
import GRDB
import Identity
import Issuance
import JOSE
import KernelTestSupport
import Synchronization
import Testing

@testable import Authority

/// Keys for JWT-SVIDs led on by command, on a real registry and real files.
@Suite struct JWTKeyCommandTests {
    private let test: TestRegistry
    private let keys: JWTKeys
    private let told = Journal()

    private final class Journal: Sendable {
        private let events = Mutex<[String]>([])

        func write(_ event: AuthorityEvent) {
            let line: String? =
                switch event {
                case .jwtKeyPrepared(let keyID, _): "prepared \(keyID)"
                case .jwtKeyActivated(let keyID): "activated \(keyID)"
                case .jwtKeyTainted(let keyID): "tainted \(keyID)"
                case .jwtKeyRevoked(let keyID): "revoked \(keyID)"
                case .jwtKeyRemoved(let keyID): "removed \(keyID)"
                default: nil
                }
            if let line { events.withLock { $0.append(line) } }
        }

        var all: [String] { events.withLock { $0 } }
    }

    private final class Clock: Sendable {
        let time = Mutex(start)
    }

    private let time = Clock()

    init() throws {
        test = try TestRegistry()
        let authorities = try authorities(test.authority)
        let identity = try ServerIdentity(
            authorities, name: "main", lifetime: .seconds(3600), now: { start }, observe: { _ in })
        let publisher = DirectoryPublisher(
            test.registry, trust: try PublishedTrust(authorities), identity: identity, now: { start }, observe: { _ in }
        )
        keys = JWTKeys(
            files: JWTKeyFiles(directory: test.directory.path), registry: test.registry, publisher: publisher,
            lifetime: .seconds(86400), grace: JWTKeys.Grace(beside: .zero, others: .zero), takesKeysBelow: true,
            now: { [time] in time.time.withLock { $0 } },
            observe: { [told] in told.write($0) })
    }

    private func advance(seconds: Int64) { time.time.withLock { $0 += seconds } }

    private var bundle: JWTBundle {
        get async throws { try await test.registry.read(as: RegistryError.self) { try test.registry.jwtBundle($0) } }
    }

    private var keyFiles: Set<String> {
        get throws {
            Set(
                try FileManager.default.contentsOfDirectory(atPath: test.directory.path).filter { $0.hasSuffix(".key") }
            )
        }
    }

    private func refusal<Value>(_ body: () async throws -> Value) async -> JWTKeyError? {
        do {
            _ = try await body()
            return nil
        } catch {
            return error as? JWTKeyError
        }
    }

    /// The former and the one that took its place.
    private func succeeded() async throws -> (String, String) {
        let former = try await keys.current().authority.keyID
        let next = try await keys.prepare().key.id
        advance(seconds: 15)
        _ = try await keys.activate()
        return (former, next)
    }

    @Test func oneFollowsAnotherByCommand() async throws {
        let first = try await keys.current()
        #expect(await refusal { try await keys.activate() } == .nonePrepared)
        let made = try await keys.prepare()
        #expect(made.key.state == .prepared && !made.isTainted)
        #expect(await refusal { try await keys.prepare() } == .alreadyPrepared(made.key.id))
        #expect(try await keys.current().authority == first.authority)
        #expect(Set(try await bundle.authorities.map(\.keyID)) == [first.authority.keyID, made.key.id])
        advance(seconds: 14)
        #expect(await refusal { try await keys.activate() } == .tooEarly(seconds: 1))
        advance(seconds: 1)
        #expect(try await keys.activate().key.state == .active)
        #expect(try await keys.current().authority.keyID == made.key.id)
        #expect(try await keys.all().map(\.key.state).sorted { $0.rawValue < $1.rawValue } == [.active, .retired])
        #expect(
            told.all == [
                "prepared \(first.authority.keyID)", "activated \(first.authority.keyID)", "prepared \(made.key.id)",
                "activated \(made.key.id)",
            ])
    }

    @Test func aRetiredKeyIsTaintedAndThenTakenOut() async throws {
        let (former, next) = try await succeeded()
        #expect(await refusal { try await keys.taint(next) } == .signs(next))
        #expect(await refusal { try await keys.revoke(former, force: false) } == .notTainted(former))
        let sequence = try await bundle.sequence
        #expect(try await keys.taint(String(former.prefix(20))).isTainted)
        #expect(try await bundle.authorities.filter(\.isTainted).map(\.keyID) == [former])
        #expect(try await bundle.sequence == sequence + 1)
        _ = try await keys.taint(former)
        #expect(try await bundle.sequence == sequence + 1, "what is so already is no news")
        _ = try await keys.revoke(former, force: false)
        #expect(try await bundle.authorities.map(\.keyID) == [next])
        #expect(try keyFiles == ["jwt-\(next).key"])
        #expect(told.all.suffix(2) == ["tainted \(former)", "revoked \(former)"])
        #expect(await refusal { try await keys.revoke(former, force: true) } == .notFound(former))
    }

    /// A token of a key that was taken out is refused, though it has not ended.
    @Test func whatARevokedKeySignedIsRefused() async throws {
        let plan = try JWTSVIDPlan(id: id("/ns/shop/sa/web"), audience: JWTAudience(["db"]), lifetime: .seconds(300))
        let leaked = try await keys.current()
        let token = try leaked.sign(plan, now: start).token
        #expect(
            await refusal { try await keys.revoke(leaked.authority.keyID, force: false) }
                == .signs(leaked.authority.keyID))
        let before = try await bundle
        #expect(throws: Never.self) {
            try JWTSVIDVerifier(bundles: [before]).verify(token, audience: "db", at: start)
        }
        _ = try await keys.revoke(leaked.authority.keyID, force: true)
        let known = try await bundle
        #expect(throws: JWTRejection.unknownKey(leaked.authority.keyID)) {
            try JWTSVIDVerifier(bundles: [known]).verify(token, audience: "db", at: start)
        }
        // Another signs at once, and nothing is left of the first.
        let next = try await keys.current()
        #expect(known.authorities == [next.authority] && next.authority != leaked.authority)
        #expect(try keyFiles == ["jwt-\(next.authority.keyID).key"])
        #expect(try await keys.all().map(\.key.state) == [.active])
    }

    /// Who has heard of it for longer takes it from the one that was prepared.
    @Test func thePreparedKeyTakesThePlaceOfOneThatLeaked() async throws {
        let leaked = try await keys.current().authority.keyID
        let prepared = try await keys.prepare().key.id
        #expect(await refusal { try await keys.taint(prepared) } == .neverSigned(prepared))
        _ = try await keys.revoke(leaked, force: true)
        #expect(try await keys.current().authority.keyID == prepared)
        #expect(try await bundle.authorities.map(\.keyID) == [prepared])
    }

    /// Then another signs than the one of which everybody has heard; but one does.
    @Test func aPreparedKeyWhoseFileIsNoGoodIsNotActivated() async throws {
        let first = try await keys.current().authority.keyID
        let prepared = try await keys.prepare().key.id
        advance(seconds: 15)
        let file = "\(test.directory.path)/jwt-\(prepared).key"
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
        let refused = await refusal { try await keys.activate() }
        if case .authority(.keyFile)? = refused {} else { Issue.record("\(String(describing: refused))") }
        try FileManager.default.removeItem(atPath: file)
        #expect(await refusal { try await keys.activate() } == .lost(prepared))
        #expect(try await keys.current().authority.keyID == first)
        _ = try await keys.revoke(first, force: true)
        let next = try await keys.current().authority.keyID
        #expect(![first, prepared].contains(next))
        #expect(try await bundle.authorities.map(\.keyID) == [next])
    }

    /// Two authorities decide at once; the one that is taken out cannot be the one that signs.
    @Test func whatIsNotPreparedIsNotActivated() async throws {
        let first = try await keys.current().authority.keyID
        for name in [first, "another's"] {
            await #expect(throws: RegistryError.keyTakenOut(name)) {
                try await test.registry.perform(onJWTKeys: [.activate(name)])
            }
        }
        #expect(try await keys.all().map(\.key.state) == [.active])
    }

    private func giveAway(_ owner: String = "gone") async throws {
        try await test.registry.write(as: RegistryError.self) { db in
            try db.execute(sql: "UPDATE jwt_keys SET owner = ?", arguments: [owner])
        }
        await keys.reload()
    }

    /// Nobody else would take them away, and who finds the disk could sign by them for ever.
    @Test func keysOfAnAuthorityThatIsGoneGoAfterTheirEnd() async throws {
        let first = try await keys.current()
        try await giveAway()
        advance(seconds: first.notAfter - start - 1)
        _ = try await keys.current()
        #expect(try await bundle.authorities.contains(first.authority))
        advance(seconds: 31)
        let next = try await keys.current()
        #expect(try await bundle.authorities == [next.authority])
    }

    /// An authority above that was told of it tells it until it ends, and one below may.
    @Test func aRevokedKeyDoesNotComeBackFromElsewhere() async throws {
        let first = try await keys.current()
        let other = try JWTSigningKey.generate(for: trustDomain, notAfter: first.notAfter)
        let told = [first, other].map { PublishedKey(authority: $0.authority, notAfter: $0.notAfter) }
        _ = try await keys.revoke(first.authority.keyID, force: true)
        #expect(try await test.registry.take(keysAbove: told, now: start))
        let next = try await keys.current()
        #expect(try await Set(bundle.authorities.map(\.keyID)) == [next.authority.keyID, other.authority.keyID])
    }

    @Test func aPreparedKeyCanBeTakenBack() async throws {
        let first = try await keys.current().authority.keyID
        let prepared = try await keys.prepare().key.id
        _ = try await keys.revoke(prepared, force: false)
        #expect(try await bundle.authorities.map(\.keyID) == [first])
        #expect(try await keys.current().authority.keyID == first)
    }

    /// By whoever shares the registry: what is held is not signed with any more, though it was looked at a moment ago.
    @Test func whatAnotherAuthorityTookOutSignsNoMore() async throws {
        let former = try await keys.current()
        _ = try await test.registry.perform(onJWTKeys: [.revoke(former.authority.keyID)])
        #expect(try await keys.current().authority == former.authority, "nobody has said so yet")
        await keys.reload()
        let next = try await keys.current()
        #expect(next.authority != former.authority)
        #expect(try await bundle.authorities == [next.authority])
    }

    @Test func keysThatAreNotThere() async throws {
        _ = try await keys.current()
        for name in ["", "no such key"] {
            #expect(await refusal { try await keys.taint(name) } == .notFound(name))
            #expect(await refusal { try await keys.revoke(name, force: true) } == .notFound(name))
        }
    }

    @Test func thereIsAnEndOfKeys() async throws {
        for _ in 0..<7 { _ = try await succeeded() }
        #expect(try await keys.all().count == 8)
        #expect(await refusal { try await keys.prepare() } == .tooMany(8))
    }
}
