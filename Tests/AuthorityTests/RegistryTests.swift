import Addressing
import AuthorityAPI
import Identity
import Issuance
import OpenSSLBinding
import RateLimiting
import Testing

@testable import Authority

@Suite struct RegistryEntryTests {
    @Test func entriesComeBackWhole() async throws {
        let fixture = try TestRegistry()
        let entry = try NewEntry(
            spiffeID: id("/ns/shop/sa/web"), parent: id("/podshield/node/a"),
            selectors: [.serviceAccount("web"), .namespace("shop"), .podLabel(key: "app", value: "a:b")],
            labels: ["app": "web", "tier": "front"], dnsNames: ["web.shop.svc"], lifetime: .seconds(120)
        ).checked(in: trustDomain, id: "e1", now: start)
        try await fixture.registry.create(entry)
        #expect(try await fixture.registry.entries() == [entry])
        #expect(
            try await fixture.reopened().entry(for: pod(labels: ["app": "a:b"]), on: id("/podshield/node/a")) == entry)
    }

    @Test func theSameTwiceIsRefusedHoweverItIsWritten() async throws {
        let fixture = try TestRegistry()
        let first = try NewEntry(spiffeID: id("/w"), selectors: [.namespace("n"), .podName("p")])
            .checked(in: trustDomain, id: "e1", now: start)
        let second = try NewEntry(spiffeID: id("/w"), selectors: [.podName("p"), .namespace("n")])
            .checked(in: trustDomain, id: "e2", now: start)
        try await fixture.registry.create(first)
        await #expect(throws: EntryError.duplicate(entry: "e1")) { try await fixture.registry.create(second) }
    }

    @Test func anEntryOfAnotherNodeIsNotSeen() async throws {
        let fixture = try TestRegistry()
        let entry = try NewEntry(
            spiffeID: id("/w"), parent: id("/podshield/node/b"), selectors: [.namespace("shop")]
        ).checked(in: trustDomain, id: "e1", now: start)
        try await fixture.registry.create(entry)
        #expect(try await fixture.registry.entry(for: pod(), on: id("/podshield/node/a")) == nil)
        #expect(try await fixture.registry.entry(for: pod(), on: id("/podshield/node/b")) == entry)
    }

    @Test func aNodeIsToldItsOwnEntriesAndThoseOfAll() async throws {
        let registry = try TestRegistry()
        let here = try id("/podshield/node/a")
        for (name, parent) in [("own", here), ("any", nil), ("foreign", try id("/podshield/node/b"))] {
            let entry = try NewEntry(spiffeID: id("/\(name)"), parent: parent, selectors: [.userID(1)], hint: name)
                .checked(in: trustDomain, id: name, now: start)
            try await registry.registry.create(entry)
        }
        #expect(try await registry.registry.entries(on: here).map(\.hint) == ["any", "own"])
        #expect(try await registry.registry.entry(id: "own", on: here)?.selectors == [.userID(1)])
        #expect(try await registry.registry.entry(id: "foreign", on: here) == nil)
    }

    @Test func anUpdateReplacesAllButIDAndBirth() async throws {
        let fixture = try TestRegistry()
        func entry(_ path: String, id: String, at time: Int64) throws -> RegistrationEntry {
            try NewEntry(
                spiffeID: SPIFFEID(trustDomain: trustDomain, path: path),
                selectors: [.namespace(path == "/old" ? "n" : "m"), .podName(String(path.dropFirst()))],
                labels: ["path": String(path.dropFirst())], dnsNames: [id], lifetime: .seconds(60 + time - start),
                hint: path
            ).checked(in: trustDomain, id: id, now: time)
        }
        try await fixture.registry.create(entry("/old", id: "e1", at: start))
        try await fixture.registry.create(entry("/other", id: "e2", at: start))
        let wanted = try entry("/new", id: "e1", at: start + 7)
        let updated = try await fixture.registry.update(wanted)
        #expect(updated.createdAt == start && updated.edition == 2)
        #expect(updated.spiffeID == wanted.spiffeID && updated.selectors == wanted.selectors)
        #expect(updated.labels == wanted.labels && updated.dnsNames == ["e1"] && updated.hint == "/new")
        #expect(updated.lifetime == .seconds(67))
        #expect(try await fixture.reopened().entries().first { $0.id == "e1" } == updated)
        // Found by what it says now.
        #expect(
            try await fixture.registry.entry(for: pod(namespace: "m", name: "new"), on: id("/podshield/node/a"))
                == updated)
        await #expect(throws: EntryError.duplicate(entry: "e2")) {
            try await fixture.registry.update(entry("/other", id: "e1", at: start))
        }
        await #expect(throws: EntryError.notFound(entry: "e3")) {
            try await fixture.registry.update(entry("/third", id: "e3", at: start))
        }
        #expect(try await fixture.registry.update(wanted).edition == 3)
    }

    @Test func deletingTellsWhatItWas() async throws {
        let fixture = try TestRegistry()
        let entry = try NewEntry(spiffeID: id("/w"), selectors: [.namespace("n")])
            .checked(in: trustDomain, id: "e1", now: start)
        try await fixture.registry.create(entry)
        #expect(try await fixture.registry.deleteEntry("e1") == entry)
        await #expect(throws: EntryError.notFound(entry: "e1")) { try await fixture.registry.deleteEntry("e1") }
    }
}

@Suite struct RegistryNumberTests {
    private func number(
        _ registry: Registry, _ path: String, _ labels: [String: String] = [:], until: Int64 = start + 3600,
        now: Int64 = start
    ) async throws -> UInt32 {
        try await registry.number(for: id(path), labels: PolicyLabels(labels), until: until, now: now).number.rawValue
    }

    @Test func beginAt256AndStandForIDAndLabels() async throws {
        let fixture = try TestRegistry()
        let registry = fixture.registry
        #expect(try await number(registry, "/a") == 256)
        #expect(try await number(registry, "/a", ["x": "1"]) == 257)
        #expect(try await number(registry, "/a", ["x": "1", "y": "2"]) == 258)
        #expect(try await number(registry, "/b") == 259)
        #expect(try await number(registry, "/a", ["y": "2", "x": "1"]) == 258)
        #expect(try await number(registry, "/a") == 256)
    }

    @Test func areNeverGivenTwice() async throws {
        let fixture = try TestRegistry()
        #expect(try await number(fixture.registry, "/a") == 256)
        let entry = try NewEntry(spiffeID: id("/a"), selectors: [.namespace("n")])
            .checked(in: trustDomain, id: "e1", now: start)
        try await fixture.registry.create(entry)
        _ = try await fixture.registry.deleteEntry("e1")
        let again = try fixture.reopened()
        #expect(try await number(again, "/b", now: start + 1_000_000) == 257)
        #expect(try await number(again, "/a", now: start + 1_000_000) == 256)
    }

    @Test func manyAtOnceAreAllDifferent() async throws {
        let fixture = try TestRegistry()
        let registry = fixture.registry
        let numbers = try await withThrowingTaskGroup(of: UInt32.self) { group in
            for index in 0..<100 { group.addTask { try await number(registry, "/w/\(index % 50)") } }
            return try await group.reduce(into: [UInt32]()) { $0.append($1) }
        }
        #expect(Set(numbers).count == 50)
        #expect(numbers.min() == 256 && numbers.max() == 305)
    }

    @Test func aSecondUseDoesNotTouchTheDirectory() async throws {
        let fixture = try TestRegistry()
        let labels = try PolicyLabels([:])
        let first = try await fixture.registry.number(for: id("/a"), labels: labels, until: start + 3600, now: start)
        let again = try await fixture.registry.number(
            for: id("/a"), labels: labels, until: start + 9000, now: start + 60)
        #expect(first.changesDirectory)
        #expect(!again.changesDirectory)
    }

    @Test func theDirectoryForgetsWhatNobodyCarries() async throws {
        let fixture = try TestRegistry()
        _ = try await number(fixture.registry, "/a", ["x": "1"], until: start + 3600)
        let now = try await fixture.registry.directory(now: start)
        #expect(now.workloads.map(\.id) == [try id("/a")])
        #expect(now.workloads.map(\.labels) == [["x": "1"]])
        let later = try await fixture.registry.directory(now: start + 3 * 3600)
        #expect(later.workloads.isEmpty)
    }
}

@Suite struct RegistryJoinTests {
    @Test func aHundredTriesWithOneTokenAndOneGetsIn() async throws {
        let fixture = try TestRegistry()
        let token = try await fixture.token()
        let outcomes = await withTaskGroup(of: Result<NodeRecord, JoinRefusal>.self) { group in
            for index in 0..<100 {
                group.addTask {
                    do {
                        return .success(try await fixture.join(token, name: "node-\(index)"))
                    } catch {
                        return .failure(error as? JoinRefusal ?? .badName("\(error)"))
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let joined = outcomes.compactMap { try? $0.get() }
        #expect(joined.count == 1)
        #expect(outcomes.filter { $0 == .failure(.usedToken) }.count == 99)
        #expect(try await fixture.registry.nodes() == joined)
    }

    @Test func badTokensAreToldApartInside() async throws {
        let fixture = try TestRegistry()
        let unknown = try JoinToken.generate()
        await #expect(throws: JoinRefusal.unknownToken) { try await fixture.join(unknown, name: "a") }
        let short = try await fixture.token(lifetime: 10)
        await #expect(throws: JoinRefusal.expiredToken) { try await fixture.join(short, name: "a", now: start + 10) }
        let used = try await fixture.token()
        try await fixture.join(used, name: "a")
        await #expect(throws: JoinRefusal.usedToken) { try await fixture.join(used, name: "b") }
        #expect(try await fixture.registry.nodes().map(\.name) == ["a"])
    }

    @Test func aTokenOutlivesARefusalThatIsNotItsFault() async throws {
        let fixture = try TestRegistry()
        try await fixture.node("taken")
        let token = try await fixture.token()
        await #expect(throws: JoinRefusal.nameTaken("taken")) { try await fixture.join(token, name: "taken") }
        await #expect(throws: JoinRefusal.nameMissing) { try await fixture.join(token, name: nil) }
        #expect(try await fixture.join(token, name: "free").name == "free")
    }

    @Test func aTokenForANameIsForThatName() async throws {
        let fixture = try TestRegistry()
        let token = try await fixture.token(node: "a")
        await #expect(throws: JoinRefusal.otherName(asked: "b")) { try await fixture.join(token, name: "b") }
        #expect(try await fixture.join(token, name: nil).name == "a")
    }

    @Test func joiningAgainKeepsTheNumberAndLosesTheLeases() async throws {
        let fixture = try TestRegistry()
        let first = try await fixture.node("a")
        let prefix = try #require(IPPrefix("10.0.0.7"))
        _ = try await fixture.registry.report(first.number, endpoint: first.endpoint, leases: [prefix], now: start)
        let again = try await fixture.join(fixture.token(node: "a"), name: "a", now: start + 60, address: "192.0.2.9")
        #expect(again.number == first.number)
        #expect(again.joinedAt == start + 60)
        let directory = try await fixture.registry.directory(now: start)
        #expect(directory.nodes.map(\.address) == [try #require(IPAddress("192.0.2.9"))])
        #expect(directory.leases.isEmpty)
    }

    /// A renewal that was under way is not the new member's.
    @Test func whatIsSignedForAFormerMembershipDoesNotLeave() async throws {
        let fixture = try TestRegistry()
        let first = try await fixture.node("a")
        let again = try await fixture.join(fixture.token(node: "a"), name: "a")
        #expect(again.number == first.number && again.member != first.member)
        let late = try nodeSVID("a", fixture.authority, now: start)
        let good = try nodeSVID("a", fixture.authority, now: start)
        let refusals = try await fixture.registry.record(
            [
                IssuedRow(svid: late, member: first.member, entry: nil),
                IssuedRow(svid: good, member: again.member, entry: nil),
            ], now: start)
        #expect(refusals == [late.leaf.serialHex: .superseded(late.id)])
        try await fixture.registry.renewed(first.member, serial: late.leaf.serialHex)
        #expect(try await fixture.registry.nodes().map(\.serial) == [again.serial])
        for (serial, isSuperseded) in [(first.serial, true), (again.serial, false), ("00", nil)] as [(String, Bool?)] {
            let found = try #require(
                try await fixture.registry.node(name: "a", showing: serial, issuedBy: "none of ours"))
            #expect(found.isSuperseded == isSuperseded && !found.isIssuedHere)
        }
    }

    /// What a CA issued is in use until what has taken its place has been there for a while; which is the newer is told by
    /// when they were issued, for both may end with the root above them.
    @Test func whatWasIssuedLaterTakesThePlaceOfWhatWasBefore() async throws {
        let fixture = try TestRegistry()
        let node = try await fixture.node("a")
        let former = try CertificateAuthority.createRoot(for: trustDomain, now: start, lifetime: .seconds(1800))
        let next = try CertificateAuthority.createRoot(for: trustDomain, now: start, lifetime: .seconds(1800))
        for (authority, moment) in [(former, start), (next, start + 60)] {
            let svid = try authority.sign(
                ProvenRequest(csrDER: SigningRequest.make(key: PrivateKey.generate())),
                plan: .workload(id: id("/web"), binding: nil), now: moment)
            #expect(svid.notAfter == former.certificate.notAfter, "both end with their CAs, at one time")
            let row = IssuedRow(svid: svid, member: node.member, entry: "e1")
            #expect(try await fixture.registry.record([row], now: moment).isEmpty)
        }
        func inUse(replacedBefore moment: Int64) async throws -> Set<String> {
            let counts = try await fixture.registry.certificatesInUse(now: start + 60, replacedBefore: moment)
            return Set(counts.keys).subtracting([fixture.authority.certificate.fingerprint])
        }
        let fingerprints = [former, next].map(\.certificate.fingerprint)
        #expect(try await inUse(replacedBefore: start + 59) == Set(fingerprints))
        #expect(try await inUse(replacedBefore: start + 60) == [fingerprints[1]])
    }

    /// A key that is elsewhere takes its time to sign a CA, and what counts may be something else by then.
    @Test(arguments: ["nothing", "no longer downstream", "deleted", "its SVID revoked", "its SVID another's"])
    func whatChangesWhileACAIsSignedCounts(_ what: String) async throws {
        let fixture = try TestRegistry()
        let registry = fixture.registry
        let node = try await fixture.node("a")
        var asked = NewEntry(
            spiffeID: try id("/b"), parent: node.id, selectors: [.userID(0)], isDownstream: true)
        let entry = try asked.checked(in: trustDomain, id: "e1", now: start)
        try await registry.create(entry)
        let svid = try fixture.authority.sign(
            ProvenRequest(csrDER: SigningRequest.make(key: PrivateKey.generate())),
            plan: .workload(id: entry.spiffeID, binding: nil), now: start)
        #expect(
            try await registry.record([IssuedRow(svid: svid, member: node.member, entry: "e1")], now: start).isEmpty)
        let issuer = what == "its SVID another's" ? svid.leaf : svid.issuer
        let shown = ShownSVID(id: svid.id, serial: svid.leaf.serialHex, issuers: [issuer.fingerprint])
        let known = try await registry.downstreamEntry(of: shown)
        #expect(known == (what == "its SVID another's" ? nil : entry))
        switch what {
        case "no longer downstream":
            asked.isDownstream = false
            _ = try await registry.update(asked.checked(in: trustDomain, id: "e1", now: start))
        case "deleted": _ = try await registry.deleteEntry("e1")
        case "its SVID revoked":
            _ = try await registry.revoke(
                .serial(svid.leaf.serialHex), .unspecified, by: 0, now: start, dryRun: false)
        default: break
        }
        let signed = try CertificateAuthority.createRoot(for: trustDomain, now: start).certificate
        let row = IssuedRow(
            downstream: signed, of: entry, askedBy: shown, issuer: fixture.authority.certificate)
        #expect(
            try await registry.record([row], now: start)
                == (what == "nothing" ? [:] : [signed.serialHex: .notDownstream(entry.spiffeID)]))
    }

    @Test func aBannedNodeStaysOut() async throws {
        let fixture = try TestRegistry()
        let node = try await fixture.node("a")
        let prefix = try #require(IPPrefix("10.0.0.7"))
        _ = try await fixture.registry.report(node.number, endpoint: node.endpoint, leases: [prefix], now: start)
        _ = try await fixture.registry.ban(node: "a", now: start)
        let token = try await fixture.token(node: "a")
        await #expect(throws: JoinRefusal.banned("a")) { try await fixture.join(token, name: "a") }
        let directory = try await fixture.registry.directory(now: start)
        #expect(directory.nodes.isEmpty && directory.leases.isEmpty)
    }

    @Test func anEvictedNodeIsForgottenAndMayJoinAnew() async throws {
        let fixture = try TestRegistry()
        let registry = fixture.registry
        let node = try await fixture.node("a")
        let prefix = try #require(IPPrefix("10.0.0.7"))
        _ = try await registry.report(node.number, endpoint: node.endpoint, leases: [prefix], now: start)
        _ = try await registry.ban(node: "a", now: start)
        let before = try await registry.directory(now: start).revision
        #expect(try await registry.evict(node: "a", now: start)?.isBanned == true)
        #expect(try await registry.directory(now: start).revision > before)
        #expect(try await registry.nodes().isEmpty)
        #expect(try await registry.node(name: "a", showing: "", issuedBy: "") == nil)
        #expect(try await registry.directory(now: start).leases.isEmpty)
        // Twice, and of what never was.
        #expect(try await registry.evict(node: "a", now: start) == nil)
        #expect(try await registry.ban(node: "b", now: start) == nil)
        let again = try await fixture.join(fixture.token(), name: "a", now: start + 60)
        #expect(again.number == node.number && !again.isBanned && again.joinedAt == start + 60)
        #expect(try await registry.directory(now: start).nodes.map(\.number) == [node.number])
    }

    /// It could join again by what its machine has: who wants to keep it out can, in whichever order, and sees that it is.
    @Test(arguments: ["ban", "revoke"], [start, start + 90 * 86400])
    func anEvictedNodeCanBeBannedAndLetInAgain(how: String, now: Int64) async throws {
        let fixture = try TestRegistry()
        let registry = fixture.registry
        let node = try await fixture.node("a")
        try await fixture.node("b", address: "192.0.2.2")
        _ = try await registry.evict(node: "a", now: start)
        switch how {
        case "ban": #expect(try await registry.ban(node: "a", now: now)?.isBanned == true)
        default: #expect(try await registry.revoke(.node("a"), .unspecified, by: 0, now: now, dryRun: false).isEmpty)
        }
        #expect(try await registry.nodes().filter(\.isBanned).map(\.name) == ["a"])
        #expect(try await registry.node(name: "a", showing: node.serial, issuedBy: "")?.node.isBanned == true)
        #expect(try await registry.directory(now: now).nodes.map(\.number.rawValue) == [2])
        // What the machine had for an address when it was a member is free.
        let reported = try await registry.report(
            NodeNumber(rawValue: 2), endpoint: endpoint("192.0.2.2"), leases: [try #require(IPPrefix("192.0.2.1"))],
            now: now)
        #expect(reported.refused.isEmpty)
        let banned = try await fixture.token(node: "a")
        await #expect(throws: JoinRefusal.banned("a")) { try await fixture.join(banned, name: "a") }
        #expect(try await registry.evict(node: "a", now: now)?.isBanned == true)
        #expect(try await registry.nodes().map(\.name) == ["b"])
        let again = try await fixture.join(fixture.token(), name: "a", address: "192.0.2.3")
        #expect(again.number == node.number && !again.isBanned)
    }

    @Test func aNameThatNoNodeHadIsNotRevoked() async throws {
        let registry = try TestRegistry().registry
        for dryRun in [true, false] {
            await #expect(throws: RevocationError.notFound(.node("a"))) {
                try await registry.revoke(.node("a"), .unspecified, by: 0, now: start, dryRun: dryRun)
            }
        }
        #expect(try await registry.nodes().isEmpty)
    }

    @Test func numbersOfNodesBeginAt1() async throws {
        let fixture = try TestRegistry()
        #expect(try await fixture.node("a").number == NodeNumber(rawValue: 1))
        #expect(try await fixture.node("b").number == NodeNumber(rawValue: 2))
    }

    @Test func theFileDoesNotHoldTheToken() async throws {
        let token = try JoinToken.generate()
        #expect(token.text.utf8.count == 43)
        #expect(token.hash.count == 32)
        #expect(!token.hash.elementsEqual(token.text.utf8.prefix(32)))
    }
}

@Suite struct RegistryLeaseTests {
    private let prefix = IPPrefix("10.0.0.7")!

    @Test func theNewestWinsAndRepeatingIsNoNews() async throws {
        let fixture = try TestRegistry()
        let registry = fixture.registry
        let a = try await fixture.node("a")
        let b = try await fixture.node("b", address: "192.0.2.2")
        _ = try await registry.report(a.number, endpoint: a.endpoint, leases: [prefix], now: start)
        #expect(try await registry.directory(now: start).holder(of: prefix.address) == a.number)

        let taken = try await registry.report(b.number, endpoint: b.endpoint, leases: [prefix], now: start)
        #expect(taken.takenOver == [Registry.Takeover(prefix: prefix, from: a.number)])
        #expect(try await registry.directory(now: start).holder(of: prefix.address) == b.number)

        let repeated = try await registry.report(a.number, endpoint: a.endpoint, leases: [prefix], now: start)
        #expect(!repeated.changesDirectory)
        #expect(repeated.takenOver.isEmpty)
        #expect(try await registry.directory(now: start).holder(of: prefix.address) == b.number)

        _ = try await registry.report(b.number, endpoint: b.endpoint, leases: [], now: start)
        #expect(try await registry.directory(now: start).holder(of: prefix.address) == a.number)
    }

    /// Wider or narrower, alone or among many: whoever takes an address over is told of.
    @Test(
        arguments: [
            ("10.0.0.0/24", "10.0.0.7", true), ("10.0.0.7", "10.0.0.0/24", true), ("10.0.0.0/24", "10.0.0.0/16", true),
            ("10.0.0.0/24", "10.0.1.0/24", false), ("10.0.0.0/24", "10.0.1.7", false),
            ("2001:db8::/64", "2001:db8::/48", true), ("2001:db8::/64", "2001:db8::1", true),
            ("2001:db8::/64", "2001:db8:0:1::/64", false), ("10.0.0.0/24", "a00::/64", false),
        ], [0, 100])
    func overlapsAreTakeovers(_ pair: (held: String, new: String, isTakeover: Bool), others: Int) async throws {
        let fixture = try TestRegistry()
        let a = try await fixture.node("a")
        let b = try await fixture.node("b", address: "192.0.2.2")
        let prefix = try #require(IPPrefix(pair.new))
        let more = (0..<others).compactMap { IPPrefix("203.0.113.\($0)") }
        _ = try await fixture.registry.report(
            a.number, endpoint: a.endpoint, leases: [#require(IPPrefix(pair.held))], now: start)
        let outcome = try await fixture.registry.report(
            b.number, endpoint: b.endpoint, leases: Set([prefix] + more), now: start)
        #expect(outcome.takenOver == (pair.isTakeover ? [Registry.Takeover(prefix: prefix, from: a.number)] : []))
        #expect(outcome.refused.isEmpty)
    }

    @Test func givingUpAndTakingAgainIsNew() async throws {
        let fixture = try TestRegistry()
        let registry = fixture.registry
        let a = try await fixture.node("a")
        let b = try await fixture.node("b")
        for node in [a, b, a] {
            if node == a { _ = try await registry.report(a.number, endpoint: a.endpoint, leases: [], now: start) }
            _ = try await registry.report(node.number, endpoint: node.endpoint, leases: [prefix], now: start)
        }
        #expect(try await registry.directory(now: start).holder(of: prefix.address) == a.number)
    }

    @Test func generationsAndRevisionsOnlyGrow() async throws {
        let fixture = try TestRegistry()
        let a = try await fixture.node("a")
        var revisions: [UInt64] = []
        var generations: [UInt64] = []
        for _ in 0..<5 {
            let registry = try fixture.reopened()
            _ = try await registry.report(a.number, endpoint: a.endpoint, leases: [prefix], now: start)
            let directory = try await registry.directory(now: start)
            revisions.append(directory.revision)
            generations.append(try #require(directory.leases.first).generation)
            _ = try await registry.report(a.number, endpoint: a.endpoint, leases: [], now: start)
        }
        #expect(zip(revisions, revisions.dropFirst()).allSatisfy { $0 < $1 })
        #expect(zip(generations, generations.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test func aMovedNodeIsNews() async throws {
        let fixture = try TestRegistry()
        let a = try await fixture.node("a")
        let same = try await fixture.registry.report(a.number, endpoint: a.endpoint, leases: [], now: start)
        #expect(!same.changesDirectory)
        let moved = try await fixture.registry.report(
            a.number, endpoint: endpoint("192.0.2.77"), leases: [], now: start)
        #expect(moved.changesDirectory)
        #expect(try await fixture.registry.directory(now: start).nodes[0].address == IPAddress("192.0.2.77"))
    }

    /// Whoever has another node's address as a pod's stands between nodes, whichever of the two came first.
    @Test func noNodeHasAnAddressOfAnothersPods() async throws {
        let fixture = try TestRegistry()
        let a = try await fixture.node("a")
        let wide = try #require(IPPrefix("198.51.100.0/24"))
        _ = try await fixture.registry.report(a.number, endpoint: a.endpoint, leases: [wide], now: start)
        let inside = "198.51.100.9"
        await #expect(throws: JoinRefusal.leasedAddress(try #require(IPAddress(inside)))) {
            try await fixture.node("b", address: inside)
        }
        let b = try await fixture.node("b", address: "192.0.2.2")
        await #expect(throws: CallRefusal.self) {
            try await fixture.registry.report(b.number, endpoint: endpoint(inside), leases: [], now: start)
        }
        #expect(try await fixture.registry.nodes().map(\.endpoint) == [a.endpoint, b.endpoint])

        let both = try await fixture.registry.report(
            a.number, endpoint: a.endpoint, leases: [wide, IPPrefix(single: b.endpoint.address)], now: start)
        #expect(both.refused == [IPPrefix(single: b.endpoint.address)])
        #expect(try await fixture.registry.directory(now: start).leases.map(\.prefix) == [wide])

        _ = try await fixture.registry.ban(node: "a", now: start)
        #expect(try await fixture.node("c", address: inside).endpoint.address == IPAddress(inside))
    }

    @Test func aNodeMovesAmongItsOwnLeases() async throws {
        let fixture = try TestRegistry()
        let a = try await fixture.node("a")
        let pods = try #require(IPPrefix("198.51.100.0/24"))
        _ = try await fixture.registry.report(a.number, endpoint: a.endpoint, leases: [pods], now: start)
        let moved = try endpoint("198.51.100.1")
        let outcome = try await fixture.registry.report(a.number, endpoint: moved, leases: [pods], now: start)
        #expect(outcome.refused == [pods])
        let directory = try await fixture.registry.directory(now: start)
        #expect(directory.leases.isEmpty && directory.nodes[0].address == moved.address)
    }

    @Test(arguments: [
        // what is reported, whether a pod may have it
        ("10.0.0.7", true), ("10.0.0.0/24", true), ("10.0.0.0/8", false), ("0.0.0.0/0", false), ("127.0.0.1", false),
        ("224.0.0.1", false), ("255.255.255.255", false), ("169.254.1.1", false), ("0.0.0.0", false),
        ("192.0.2.1", false),
        ("192.0.2.0/24", false), ("::8000:0:0/81", false), ("::fffe:0:0/95", false), ("::ffff:0:0:0/80", false),
        ("64:ff9b::/96", false), ("2001:db8::1", true), ("2001:db8:1::/64", true), ("2000::/3", false), ("::1", false),
        ("fe80::1", false), ("ff02::1", false), ("2001:db8:ffff::1", false),
    ])
    func whatCanBeLeased(text: String, isAllowed: Bool) throws {
        let nodes = try ["192.0.2.1", "2001:db8:ffff::1"].map { try #require(IPAddress($0)) }
        #expect(LeaseRule(inside: [], nodes: Set(nodes)).allows(try #require(IPPrefix(text))) == isAllowed)
    }

    @Test func boundsAreBounds() throws {
        let rule = LeaseRule(inside: [try #require(IPPrefix("10.1.0.0/16"))], nodes: [])
        for (text, isAllowed) in [
            ("10.1.2.3", true), ("10.1.0.0/16", true), ("10.0.0.0/15", false), ("10.2.0.1", false),
        ] {
            #expect(rule.allows(try #require(IPPrefix(text))) == isAllowed, "\(text)")
        }
    }
}

@Suite struct CallBudgetTests {
    @Test func emptiesAndFills() {
        let budget = CallBudget(Rate(burst: 3, perSecond: 2))
        let start = ContinuousClock.Instant.now
        let spent = (0..<5).map { _ in budget.spend("a", at: start) }
        #expect(spent == [true, true, true, false, false])
        #expect(budget.spend("b", at: start))
        #expect(budget.spend("a", at: start + .milliseconds(500)))
        #expect(!budget.spend("a", at: start + .milliseconds(501)))
        #expect((0..<9).filter { _ in budget.spend("a", at: start + .seconds(3600)) }.count == 3)
    }

    @Test(arguments: [
        ("ipv4:192.0.2.1:4711", "192.0.2.1/32"), ("ipv6:[2001:db8::1]:80", "2001:db8::/64"),
        ("ipv6:[2001:db8::ffff:1]:81", "2001:db8::/64"), ("unix:/run/x", "unix:/run/x"), ("", ""),
    ])
    func peersOfOneNetworkShare(peer: String, network: String) {
        #expect(AuthorityCalls.network(of: peer) == network)
    }
}
