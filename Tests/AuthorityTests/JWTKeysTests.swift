import Foundation
import Identity
import Issuance
import JOSE
import KernelTestSupport
import LinuxBinding
import OpenSSLBinding
import Synchronization
import Testing

@testable import Authority

/// Keys for JWT-SVIDs over time and restarts, on a real registry and real files.
struct JWTKeysTests {
    private let test: TestRegistry
    private let clock = TestClock()
    private static let day: Int64 = 86400

    init() throws { test = try TestRegistry() }

    private final class TestClock: Sendable {
        private let time = Mutex(start)
        var now: Int64 {
            get { time.withLock { $0 } }
            set { time.withLock { $0 = newValue } }
        }
    }

    private var files: JWTKeyFiles { JWTKeyFiles(directory: test.directory.path) }

    /// As after a start.
    private func keys(_ files: JWTKeyFiles? = nil, grace: Duration = .zero) throws -> JWTKeys {
        let authorities = try authorities(test.authority)
        let identity = try ServerIdentity(
            authorities, name: "main", lifetime: .seconds(3600), now: { start }, observe: { _ in })
        let publisher = DirectoryPublisher(
            test.registry, trust: try PublishedTrust(authorities), identity: identity, now: { start }, observe: { _ in }
        )
        return JWTKeys(
            files: files ?? self.files, registry: test.registry, publisher: publisher, lifetime: .seconds(Self.day),
            grace: JWTKeys.Grace(beside: grace, others: grace), takesKeysBelow: true, now: { [clock] in clock.now },
            observe: { _ in })
    }

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

    @Test func theFirstKeyIsMadePublishedAndPrivate() async throws {
        let before = try await test.registry.directory(now: start).revision
        let key = try await keys().current()
        #expect(try await bundle.authorities == [key.authority] && key.notAfter == start + Self.day)
        #expect(try await test.registry.directory(now: start).revision > before)
        let path = files.path(key.authority.keyID)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        #expect(try keyFiles == ["jwt-\(key.authority.keyID).key"])
    }

    @Test func manyWhoAskAtOnceGetOneKey() async throws {
        let keys = try keys()
        let asked = await withTaskGroup(of: String?.self) { group in
            for _ in 0..<50 { group.addTask { try? await keys.current().authority.keyID } }
            return await group.reduce(into: Set<String?>()) { $0.insert($1) }
        }
        #expect(asked.count == 1 && !asked.contains(nil))
        #expect(try await bundle.authorities.count == 1)
    }

    @Test func aRestartGoesOnWithTheSameKey() async throws {
        let key = try await keys().current()
        #expect(try await keys().current().authority == key.authority)
        #expect(try await bundle.sequence == 1)
    }

    /// Published before use, signed with, kept, removed: with each step the bundle's number grows, and with no other.
    @Test func keysFollowOneAnother() async throws {
        let keys = try keys()
        let first = try await keys.current()
        clock.now = start + Self.day / 2
        #expect(try await keys.current().authority == first.authority)
        var published = try await bundle
        #expect(published.authorities.count == 2 && published.sequence == 2)
        let second = try #require(published.authorities.first { $0 != first.authority })

        clock.now = start + Self.day * 5 / 6
        #expect(try await keys.current().authority == second)
        published = try await bundle
        #expect(published.authorities.count == 2 && published.sequence == 2)
        #expect(try keyFiles.count == 2)

        clock.now = start + Self.day
        #expect(try await keys.current().authority == second)
        #expect(try await bundle.authorities.contains(first.authority) == false)
        #expect(try keyFiles.contains("jwt-\(first.authority.keyID).key") == false)
    }

    /// What was signed before is good after, and what the clock's time brought forth is led on.
    @Test(arguments: [1, 100])
    func aClockThatWasAheadForAMomentCostsNoKey(days: Int64) async throws {
        let keys = try keys(grace: .seconds(3600))
        let first = try await keys.current()
        clock.now = start + Self.day / 2
        _ = try await keys.current()
        let before = try await bundle.authorities
        #expect(before.count == 2)

        clock.now = start + (days + 2) * Self.day
        let ahead = try await keys.current()
        #expect(!before.contains(ahead.authority))
        #expect(try await before.allSatisfy(bundle.authorities.contains))

        clock.now = start + Self.day / 2 + 60
        _ = try await keys.current()
        #expect(try await before.allSatisfy(bundle.authorities.contains))
        #expect(try keyFiles.contains("jwt-\(first.authority.keyID).key"))

        for hour in 1...Int64(72) {
            clock.now = start + Self.day / 2 + hour * 3600
            _ = try await keys.current()
        }
        #expect(try await keys.current().notAfter <= clock.now + Self.day)
    }

    /// A daemon that starts again and again has never seen one for long enough.
    @Test func thereIsAlwaysPlaceForTheNext() async throws {
        for number in 0..<Int64(JWTBundle.mostAuthorities + 4) {
            clock.now = start + number * Self.day
            #expect(try await keys(grace: .seconds(3600)).current().notAfter == clock.now + Self.day)
        }
        #expect(try await bundle.authorities.count == JWTBundle.mostAuthorities)
    }

    /// Tokens of a key that was in use are good as long as they say, whatever takes over.
    @Test func aTokenIsGoodForAllOfItsLife() async throws {
        let keys = try keys()
        let id = try id("/ns/shop/sa/web")
        var tokens: [JWTSVID] = []
        for hour in 0..<72 {
            clock.now = start + Int64(hour) * 3600
            let plan = try JWTSVIDPlan(id: id, audience: JWTAudience(["db"]), lifetime: .seconds(4 * 3600))
            tokens.append(try await keys.current().sign(plan, now: clock.now))
            let verifier = JWTSVIDVerifier(bundles: [try await bundle])
            for token in tokens where token.expiresAt > clock.now {
                #expect(throws: Never.self) { try verifier.verify(token.token, audience: "db", at: clock.now) }
            }
        }
        #expect(tokens.allSatisfy { $0.expiresAt - ($0.issuedAt ?? 0) == 4 * 3600 })
    }

    @Test func aLostFileCostsAKeyAndNoToken() async throws {
        let first = try await keys().current()
        try FileManager.default.removeItem(atPath: files.path(first.authority.keyID))
        let second = try await keys().current()
        #expect(second.authority != first.authority)
        #expect(try await bundle.authorities.count == 2)
    }

    @Test(arguments: [0o640, 0o604])
    func aFileThatOthersCanReadIsNotUsed(_ mode: Int) async throws {
        let path = files.path(try await keys().current().authority.keyID)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        let error = await #expect(throws: AuthorityError.self) { try await keys().current() }
        if case .keyFile = error {} else { Issue.record("\(String(describing: error))") }
    }

    @Test func anotherKeyUnderTheNameIsNotUsed() async throws {
        let path = files.path(try await keys().current().authority.keyID)
        let other = try PrivateKey.generate().pkcs8PEM()
        try unsafe other.withUnsafeBytes { unsafe try AtomicFile.write($0, to: path, mode: 0o600) }
        await #expect(throws: AuthorityError.unreadable(path: path, reason: "it is another key")) {
            try await keys().current()
        }
    }

    /// A start that was interrupted between file and registry leaves nothing behind for good.
    @Test func strayFilesAreRemoved() async throws {
        let stray = try JWTSigningKey.generate(for: trustDomain, notAfter: start + 60)
        try files.write(stray)
        let key = try await keys().current()
        #expect(try keyFiles == ["jwt-\(key.authority.keyID).key"])
    }

    /// What is held goes on while no other can be made.
    @Test func aKeyThatIsHeldOutlastsAFailure() async throws {
        let directory = test.directory.path + "/jwt"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
        let keys = try keys(JWTKeyFiles(directory: directory))
        let key = try await keys.current()
        try FileManager.default.removeItem(atPath: directory)
        clock.now = start + Self.day / 2
        #expect(try await keys.current().authority == key.authority)
        clock.now = key.notAfter
        await #expect(throws: AuthorityError.self) { try await keys.current() }
    }
}
