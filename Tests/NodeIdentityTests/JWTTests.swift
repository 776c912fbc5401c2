import Authority
import AuthorityAPI
import Foundation
import Identity
import Issuance
import JOSE
import KernelTestSupport
import OpenSSLBinding
import Testing

@testable import NodeIdentity

/// JWT-SVIDs of a node's workloads: the registration decides for whom, the authority signs, the node keeps them for a while.
@Suite(.timeLimit(.minutes(1))) struct JWTTests {
    private let audience: JWTAudience

    init() throws { audience = try JWTAudience(["db"]) }

    private func entry(_ node: TestNode) async throws -> WorkloadEntry {
        try await eventually("an entry") { await node.service.entries?.isEmpty == false }
        return try #require(await node.service.entries?.inOrder.first)
    }

    private func keysAreKnown(_ node: TestNode) async throws {
        try await eventually("keys for JWT-SVIDs") { !node.service.jwtBundle.authorities.isEmpty }
    }

    private func issued(_ authority: TestAuthority) -> [IssuedJWT] {
        authority.journal.all.compactMap { if case .jwtIssued(let issued) = $0 { issued } else { nil } }
    }

    @Test func aProcessGetsATokenByItsEntry() async throws {
        let authority = try await TestAuthority { $0.jwtIssuer = try? JWTIssuer("https://oidc.example.org") }
        let made = try await authority.entry("/own", selectors: [.userID(1000)])
        let node = try await TestNode.joined("node-a", to: authority)
        let svid = try await node.service.jwtSVID(of: entry(node), audience: audience)
        #expect(svid.id == made.spiffeID && svid.audience == ["db"])
        #expect(svid.claims["iss"]?.text == "https://oidc.example.org")
        #expect(svid.expiresAt - (svid.issuedAt ?? 0) == 300)
        #expect(try node.service.validate(svid.token, audience: "db").id == made.spiffeID)
        #expect(throws: JWTRejection.otherAudience) { try node.service.validate(svid.token, audience: "other") }
        let told = try #require(issued(authority).first)
        #expect(told.id == svid.id && told.audience == ["db"] && told.subject == .entry(id: made.id))
        #expect(told.node == node.service.currentSVID?.svid.id && told.keyID == svid.keyID)
    }

    /// The entry's, for pods and processes; it may be changed.
    @Test func anEntrySaysHowLongItsTokensLive() async throws {
        let authority = try await TestAuthority()
        var entry = NewEntry(
            spiffeID: try SPIFFEID(trustDomain: trustDomain, path: "/web"), selectors: [.namespace("shop")],
            jwtLifetime: .seconds(60))
        let made = try await authority.service.createEntry(entry)
        let node = try await TestNode.joined("node-a", to: authority)
        try await keysAreKnown(node)
        let pod = try pod()
        _ = try await node.service.issue(pod)
        let svid = try await node.service.jwtSVID(of: pod.podName, audience: audience)
        #expect(svid.expiresAt - (svid.issuedAt ?? 0) == 60)
        entry.jwtLifetime = .seconds(90)
        #expect(try await authority.service.updateEntry(made.id, to: entry).jwtLifetime == .seconds(90))
        let other = try JWTAudience(["other"])
        let longer = try await node.service.jwtSVID(of: pod.podName, audience: other)
        #expect(longer.expiresAt - (longer.issuedAt ?? 0) == 90)
    }

    @Test func aPodGetsATokenForItsOwnIdentity() async throws {
        let authority = try await TestAuthority()
        let made = try await authority.entry("/web")
        let node = try await TestNode.joined("node-a", to: authority)
        try await keysAreKnown(node)
        let pod = try pod()
        await #expect(throws: AuthorityCallError.self) {
            try await node.service.jwtSVID(of: pod.podName, audience: audience)
        }
        _ = try await node.service.issue(pod)
        let svid = try await node.service.jwtSVID(of: pod.podName, audience: audience)
        #expect(svid.id == made.spiffeID)
        #expect(issued(authority).map(\.subject) == [.pod(pod)])
    }

    /// A node that asks past what it was told gets no more than that.
    @Test func aTokenOfAnotherNodesEntryIsNotIssued() async throws {
        let authority = try await TestAuthority()
        let foreign = try await authority.entry("/foreign", parent: "node-b", selectors: [.userID(1000)])
        let node = try await TestNode.joined("node-a", to: authority)
        for id in [foreign.id, "no such"] {
            var message = Podshield_Authority_V1_IssueJWTRequest()
            message.entry = id
            message.audience = ["db"]
            let asked = message
            await #expect(throws: AuthorityCallError.notRegistered("there is no entry '\(id)' on this node")) {
                try await node.service.caller.call { try await $0.issueJWT(asked, options: $1) }
            }
        }
        #expect(issued(authority).isEmpty)
    }

    @Test func anAudienceIsNeeded() async throws {
        let authority = try await TestAuthority()
        let made = try await authority.entry("/own", selectors: [.userID(1000)])
        let node = try await TestNode.joined("node-a", to: authority)
        for audience in [[], [""], [String](repeating: "a", count: 33)] {
            var message = Podshield_Authority_V1_IssueJWTRequest()
            message.entry = made.id
            message.audience = audience
            let asked = message
            let error = await #expect(throws: AuthorityCallError.self) {
                try await node.service.caller.call { try await $0.issueJWT(asked, options: $1) }
            }
            if case .rejected = error {} else { Issue.record("\(String(describing: error))") }
        }
    }

    /// Kept for half of its life, for each audience; those who ask at once share one call.
    @Test func aTokenIsGivenOutAgainForHalfOfItsLife() async throws {
        let authority = try await TestAuthority()
        try await authority.entry("/own", selectors: [.userID(1000)])
        let node = try await TestNode.joined("node-a", to: authority)
        try await keysAreKnown(node)
        let entry = try await entry(node)
        let tokens = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<16 { group.addTask { try await node.service.jwtSVID(of: entry, audience: audience).token } }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(tokens.count == 1 && issued(authority).count == 1)
        let other = try await node.service.jwtSVID(of: entry, audience: JWTAudience(["db", "cache"]))
        #expect(other.audience == ["cache", "db"] && issued(authority).count == 2)
        authority.clock.advance(seconds: 151)
        let later = try await node.service.jwtSVID(of: entry, audience: audience)
        #expect(!tokens.contains(later.token) && issued(authority).count == 3)
    }

    /// While the authority is away, what is held is given out until it ends.
    @Test func anAuthorityThatIsAwayCostsNothingAtOnce() async throws {
        let authority = try await TestAuthority()
        try await authority.entry("/own", selectors: [.userID(1000)])
        let node = try TestNode(clock: authority.clock, patience: .seconds(10))
        try await node.join(authority.invitation(node: "node-a"))
        try await keysAreKnown(node)
        let entry = try await entry(node)
        let svid = try await node.service.jwtSVID(of: entry, audience: audience)
        try await authority.stop()
        authority.clock.advance(seconds: 200)
        #expect(try await node.service.jwtSVID(of: entry, audience: audience).token == svid.token)
        authority.clock.advance(seconds: 100)
        await #expect(throws: AuthorityCallError.self) { try await node.service.jwtSVID(of: entry, audience: audience) }
    }

    /// Whoever asks chooses the audiences, and may choose any number of them.
    @Test func oneIdentityHasSoManyTokensAskedForAtOnce() async throws {
        let authority = try await TestAuthority()
        try await authority.entry("/own", selectors: [.userID(1000)])
        let node = try TestNode(clock: authority.clock, patience: .seconds(20))
        try await node.join(authority.invitation(node: "node-a"))
        try await keysAreKnown(node)
        let entry = try await entry(node)
        try await authority.stop()
        for number in 0..<64 {
            Task { try await node.service.jwtSVID(of: entry, audience: JWTAudience(["a\(number)"])) }
        }
        try await eventually("all are asked for") { await node.service.jwtRequests.values.map(\.count) == [64] }
        await #expect(throws: AuthorityCallError.overloaded("64 tokens are asked for already with this identity")) {
            try await node.service.jwtSVID(of: entry, audience: audience)
        }
    }

    @Test func whatHasGoneGetsNoToken() async throws {
        let authority = try await TestAuthority()
        let made = try await authority.entry("/own", selectors: [.userID(1000)])
        let node = try await TestNode.joined("node-a", to: authority)
        try await keysAreKnown(node)
        let entry = try await entry(node)
        _ = try await node.service.jwtSVID(of: entry, audience: audience)
        _ = try await authority.service.deleteEntry(made.id)
        try await eventually("no entry") { await node.service.entries?.isEmpty == true }
        await #expect(throws: AuthorityCallError.self) { try await node.service.jwtSVID(of: entry, audience: audience) }
        #expect(await node.service.jwtCache.count == 0)
    }

    /// The keys come with the directory, are held over a restart, and a new one is known before it signs.
    @Test func keysReachNodesBeforeTheySign() async throws {
        let authority = try await TestAuthority { $0.jwtKeyLifetime = .seconds(3600) }
        try await authority.entry("/own", selectors: [.userID(1000)])
        let node = try await TestNode.joined("node-a", to: authority)
        try await keysAreKnown(node)
        let entry = try await entry(node)
        let first = try await node.service.jwtSVID(of: entry, audience: audience)
        var changes = node.service.watch().changes.makeAsyncIterator()
        _ = await changes.next()
        authority.clock.advance(seconds: 1800)
        // Whoever asks makes the authority look after its keys.
        let second = try await node.service.jwtSVID(of: entry, audience: audience)
        #expect(second.keyID == first.keyID)
        try await eventually("the prepared key") { node.service.jwtBundle.authorities.count == 2 }
        _ = await changes.next()
        authority.clock.advance(seconds: 1250)
        let third = try await node.service.jwtSVID(of: entry, audience: audience)
        #expect(third.keyID != first.keyID)
        await node.stop()
        let again = try TestNode(in: node.directory, clock: authority.clock)
        #expect(again.service.jwtBundle == node.service.jwtBundle)
    }

    /// JWKS rolled back: an older directory with fewer or other keys is refused as a whole.
    @Test func keysAreNotRolledBack() async throws {
        let authority = try await TestAuthority { $0.jwtKeyLifetime = .seconds(3600) }
        try await authority.entry("/own", selectors: [.userID(1000)])
        let node = try await TestNode.joined("node-a", to: authority)
        try await eventually("a directory") { await node.service.currentDirectory != nil }
        let old = try Podshield_Authority_V1_SignedDirectory(
            encoded: Array(try Data(contentsOf: URL(filePath: node.directory.path + "/node/directory.pb"))))
        authority.clock.advance(seconds: 1800)
        _ = try await node.service.jwtSVID(of: entry(node), audience: audience)
        try await eventually("the prepared key") { node.service.jwtBundle.authorities.count == 2 }
        let held = node.service.jwtBundle
        let error = await #expect(throws: DirectoryRejection.self) { try await node.service.accept(old) }
        if case .rolledBack = error {} else { Issue.record("\(String(describing: error))") }
        #expect(node.service.jwtBundle == held)
    }
}

/// The keys in a directory's message.
struct JWTBundleMessageTests {
    private typealias Message = Podshield_Authority_V1_JWTBundle

    private func key(_ id: String, _ algorithm: KeyAlgorithm = .ecP256) throws -> Podshield_Authority_V1_JWTKey {
        var key = Podshield_Authority_V1_JWTKey()
        key.keyID = id
        key.publicKey = Data(try PrivateKey.generate(algorithm).publicKey.subjectPublicKeyInfo)
        return key
    }

    @Test func itIsReadAsItWasWritten() throws {
        let authority = try #require(JWTAuthority(PrivateKey.generate().publicKey))
        let bundle = try #require(JWTBundle(trustDomain: trustDomain, authorities: [authority], sequence: 7))
        #expect(Message(bundle).parsed(in: trustDomain) == bundle)
        #expect(Message().parsed(in: trustDomain) == .empty(trustDomain))
    }

    @Test func whatMakesNoSenseIsRefusedAsAWhole() throws {
        var truncated = try key("a")
        truncated.publicKey.removeLast()
        for keys in [
            [try key("a"), try key("a")], [try key("")], [try key("a b")], [try key("a", .rsa2048)],
            [try key("a", .ed25519)],
            [truncated], [Podshield_Authority_V1_JWTKey()],
            try (0...JWTBundle.mostAuthorities).map { try key("\($0)") },
        ] {
            var message = Message()
            message.keys = keys
            #expect(message.parsed(in: trustDomain) == nil)
        }
    }
}

/// The cache alone, by tables.
struct JWTCacheTests {
    private let key: JWTSigningKey
    private let id: SPIFFEID
    private static let now: Int64 = 1_800_000_000

    init() throws {
        key = try .generate(for: trustDomain, notAfter: Self.now + 86400)
        id = try SPIFFEID(trustDomain: trustDomain, path: "/web")
    }

    private func key(_ entry: String, _ audience: String = "db") throws -> JWTCache.Key {
        JWTCache.Key(subject: .entry(id: entry), audience: try JWTAudience([audience]))
    }

    private func svid(lifetime: Int64 = 300, at now: Int64 = now) throws -> JWTSVID {
        try key.sign(JWTSVIDPlan(id: id, audience: JWTAudience(["db"]), lifetime: .seconds(lifetime)), now: now)
    }

    @Test(
        arguments: [
            (0, true, true), (149, true, true), (150, false, true), (299, false, true), (300, false, false),
            // A little behind the authority's clock, and set back.
            (-10, true, true), (-11, false, true),
        ] as [(Int64, Bool, Bool)])
    func halfOfALife(_ age: Int64, _ isFresh: Bool, _ isGood: Bool) throws {
        var cache = JWTCache()
        cache.insert(try svid(), for: try key("a"), now: Self.now)
        #expect(try (cache.fresh(key("a"), now: Self.now + age) != nil) == isFresh)
        #expect(try (cache.last(key("a"), now: Self.now + age) != nil) == isGood)
        #expect(try cache.fresh(key("b"), now: Self.now) == nil && cache.fresh(key("a", "cache"), now: Self.now) == nil)
    }

    @Test func itIsBoundedAndForgetsWhatIsUsedLeast() throws {
        var cache = JWTCache(most: 3)
        for entry in ["a", "b", "c"] { cache.insert(try svid(), for: try key(entry), now: Self.now) }
        _ = try cache.fresh(key("a"), now: Self.now)
        cache.insert(try svid(), for: try key("d"), now: Self.now)
        #expect(cache.count == 3)
        #expect(try cache.last(key("b"), now: Self.now) == nil && cache.last(key("a"), now: Self.now) != nil)
        // A new token in the place of an old one takes nobody's room.
        cache.insert(try svid(), for: try key("d"), now: Self.now)
        #expect(try cache.count == 3 && cache.last(key("c"), now: Self.now) != nil)
        // What has expired goes first, and all of it.
        cache.insert(try svid(at: Self.now + 300), for: try key("e"), now: Self.now + 300)
        #expect(cache.count == 1)
    }

    @Test func itForgetsWhatItIsTold() throws {
        var cache = JWTCache()
        for entry in ["a", "b"] { cache.insert(try svid(), for: try key(entry), now: Self.now) }
        let pod = JWTCache.Key(subject: .pod(PodName(namespace: "x", name: "a")), audience: try JWTAudience(["db"]))
        cache.insert(try svid(), for: pod, now: Self.now)
        cache.remove(entries: ["a", "no such"])
        #expect(cache.count == 2)
        cache.remove(pod.subject)
        #expect(try cache.count == 1 && cache.last(key("b"), now: Self.now) != nil)
        cache.keepOnly(signedBy: .empty(trustDomain))
        #expect(cache.count == 0)
    }
}
