import AuthorityAPI
import Foundation
import Identity
import Issuance
import KernelTestSupport
import OpenSSLBinding
import Testing

@testable import Authority
@testable import NodeIdentity

/// One CA after another, with real nodes.
@Suite(.timeLimit(.minutes(2))) struct SuccessionTests {
    private func states(_ authority: TestAuthority) async throws -> [String] {
        try await authority.service.certificateAuthorities().map {
            "\($0.state)\($0.isTainted ? ", tainted" : "")\($0.serves ? ", serves" : "")"
        }
    }

    /// Prepares another CA and lets it sign; answers the one before.
    private func replaceCA(_ authority: TestAuthority) async throws -> AuthorityRecord {
        let former = try #require(
            try await authority.service.certificateAuthorities().first { $0.state == .active })
        _ = try await authority.service.prepareAuthority()
        authority.clock.advance(seconds: 15)
        _ = try await authority.service.activateAuthority()
        return former
    }

    private func issuer(_ svid: KeyedSVID?) -> String? { svid?.svid.issuer.fingerprint }

    @Test func aCAIsTrustedBeforeItSigns() async throws {
        let authority = try await TestAuthority(clock: TestClock(stoppedAt: 1_800_000_000))
        let node = try await TestNode.joined("a", to: authority)
        try await authority.entry("/web", parent: "a")
        let before = try await node.service.issue(pod())
        let next = try await authority.service.prepareAuthority()
        try await eventually("the node trusts both") { node.service.bundle.authorities.count == 2 }
        #expect(try await states(authority) == ["active, serves", "prepared"])
        let meanwhile = try await node.service.issue(pod("web-1"))
        #expect(issuer(meanwhile.svid) == issuer(before.svid))
        await #expect(throws: SuccessionError.tooEarly(seconds: 15)) {
            try await authority.service.activateAuthority()
        }
        await #expect(throws: SuccessionError.alreadyPrepared(next.fingerprint)) {
            try await authority.service.prepareAuthority()
        }
        authority.clock.advance(seconds: 15)
        #expect(try await authority.service.activateAuthority().fingerprint == next.fingerprint)
        // Nodes that were away know the server by the oldest CA.
        #expect(try await states(authority) == ["retired, serves", "active"])
        let after = try await node.service.issue(pod("web-2"))
        #expect(issuer(after.svid) == next.fingerprint)
        let verifier = SVIDVerifier(bundle: node.service.bundle)
        for issued in [before, meanwhile, after] {
            #expect(throws: Never.self) { try verifier.verify(chain: issued.svid.svid.chain, at: authority.clock.now) }
        }
        #expect(node.service.currentSVID.map { issuer($0) } == issuer(before.svid))
    }

    @Test func allThatATaintedCAIssuedIsReplacedAndThenItIsTakenOut() async throws {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("a", to: authority)
        let entry = try await authority.entry("/web", parent: "a")
        try await eventually("the entry is known") { await node.service.entries?.count == 1 }
        _ = try await node.service.issue(pod())
        let known = try #require(await node.service.entries?.inOrder.first)
        _ = try await node.service.svid(of: known)
        let former = try await replaceCA(authority)
        #expect(try await authority.service.certificateAuthorities()[0].inUse == 3)
        await #expect(throws: SuccessionError.notTainted(former.fingerprint)) {
            try await authority.service.revokeAuthority(former.fingerprint)
        }
        _ = try await authority.service.taintAuthority(String(former.fingerprint.prefix(12)))
        try await eventually(within: .seconds(20), "everything is replaced") {
            let all = [
                node.service.currentSVID, await node.service.workload(try pod().podName)?.svid,
                try await node.service.svid(of: known),
            ]
            return all.allSatisfy { issuer($0) != nil && issuer($0) != former.fingerprint }
        }
        // A peer may have been shown the former a moment ago.
        #expect(try await authority.service.certificateAuthorities()[0].inUse == 3)
        authority.clock.advance(seconds: 15)
        #expect(try await authority.service.certificateAuthorities()[0].inUse == 0)
        _ = try await authority.service.revokeAuthority(former.fingerprint)
        try await eventually("the node lets go of it") { node.service.bundle.authorities.count == 1 }
        #expect(try await states(authority) == ["active, serves"])
        #expect(entry.id == known.id)
        // A new connection, by the new root alone, and a start from what is on disk.
        await node.stop()
        let again = try TestNode(in: node.directory, clock: authority.clock)
        try await eventually("it is back") { await again.service.status().isConnected }
        _ = try await again.service.issue(pod("web-9"))
        _ = try await TestNode.joined("b", to: authority, address: "192.0.2.2")
    }

    @Test func whatIsInUseKeepsACAUnlessForced() async throws {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("a", to: authority)
        await node.stop()
        let former = try await replaceCA(authority)
        _ = try await authority.service.taintAuthority(former.fingerprint)
        await #expect(throws: SuccessionError.inUse(former.fingerprint, svids: 1)) {
            try await authority.service.revokeAuthority(former.fingerprint)
        }
        _ = try await authority.service.revokeAuthority(former.fingerprint, force: true)
        // It was away all the time: nobody can tell it of the new root.
        let again = try TestNode(in: node.directory, clock: authority.clock)
        try await eventually("it cannot come back") { await again.service.status().lastFailure != nil }
        #expect(await again.service.status().isConnected == false)
    }

    /// A node that is connected, and whose SVID was not replaced, is shown the door when its CA goes.
    @Test func aNodeUnderARevokedCAIsNotServed() async throws {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("a", to: authority)
        try await authority.entry("/web", parent: "a")
        _ = try await node.service.issue(pod())
        let former = try await replaceCA(authority)
        try await eventually("it is connected") { await node.service.status().isConnected }
        _ = try await authority.service.revokeAuthority(former.fingerprint, force: true)
        await #expect(throws: AuthorityCallError.self) { try await node.service.issue(pod("web-1")) }
        try await eventually("it knows") { await node.service.status().exclusion != nil }
    }

    @Test func aNodeThatWasAwayLearnsOfTheNextCAByTheOldestOne() async throws {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("a", to: authority)
        await node.stop()
        for _ in 0..<2 { _ = try await replaceCA(authority) }
        let again = try TestNode(in: node.directory, clock: authority.clock)
        try await eventually("it trusts all three") { again.service.bundle.authorities.count == 3 }
        try await again.service.renewNode()
        #expect(
            issuer(again.service.currentSVID) == (try await authority.service.certificateAuthorities()[2].fingerprint))
    }

    /// A kill between the directory and the bundle that came with it: as if the bundle had not been written.
    @Test func anInterruptionBetweenDirectoryAndBundleLosesNothing() async throws {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("a", to: authority)
        try await eventually("it has a directory") { await node.service.currentDirectory != nil }
        let former = try await replaceCA(authority)
        try await eventually("it trusts both") { node.service.bundle.authorities.count == 2 }
        try await node.service.renewNode()
        let bundle = URL(filePath: node.directory.path + "/node/bundle.pb")
        let old = try Data(contentsOf: bundle)
        _ = try await authority.service.revokeAuthority(former.fingerprint, force: true)
        try await eventually("it trusts one") { node.service.bundle.authorities.count == 1 }
        try await eventually("and has said so") { try Data(contentsOf: bundle) != old }
        await node.stop()
        try old.write(to: bundle)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: bundle.path)
        let again = try TestNode(in: node.directory, clock: authority.clock)
        #expect(again.service.bundle.authorities.count == 1 && again.service.currentSVID != nil)
        #expect(await again.service.currentDirectory != nil)
    }

    /// A root that is gone while the node is off: its SVID is none any more, which is no reason not to start.
    @Test func aNodeWhoseSVIDHangsOnARootThatIsGoneStarts() async throws {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("a", to: authority)
        let file = URL(filePath: node.directory.path + "/node/node.pem")
        let old = try Data(contentsOf: file)
        let former = try await replaceCA(authority)
        try await eventually("it trusts both") { node.service.bundle.authorities.count == 2 }
        try await node.service.renewNode()
        _ = try await authority.service.revokeAuthority(former.fingerprint, force: true)
        try await eventually("it trusts one") { node.service.bundle.authorities.count == 1 }
        await node.stop()
        try old.write(to: file)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file.path)
        let again = try TestNode(in: node.directory, clock: authority.clock)
        #expect(again.service.currentSVID == nil)
        try await again.join(authority.invitation(node: "a"))
        #expect(again.service.currentSVID != nil)
    }

    // MARK: The authority's own restarts

    @Test func aRestartGoesOnWithAllCAs() async throws {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("a", to: authority)
        _ = try await replaceCA(authority)
        _ = try await authority.service.prepareAuthority()
        let before = try await authority.service.certificateAuthorities()
        try await eventually("the node trusts all") { node.service.bundle.authorities.count == 3 }
        let sequence = node.service.bundle.sequence
        try await authority.stop()
        let again = try await TestAuthority(in: authority.directory, port: authority.port, clock: authority.clock)
        #expect(try await again.service.certificateAuthorities() == before)
        #expect(again.service.bundle.authorities.count == 3)
        try await eventually("the node is back") { await node.service.status().isConnected }
        #expect(node.service.bundle.sequence == sequence)
    }

    /// `ca.pem` says who signs; after an interruption the registry does.
    @Test func theRegistryMendsTheFile() async throws {
        let authority = try await TestAuthority()
        let file = URL(filePath: authority.directory.path + "/authority/ca.pem")
        let old = try Data(contentsOf: file)
        _ = try await replaceCA(authority)
        let new = try Data(contentsOf: file)
        #expect(new != old)
        try await authority.stop()
        try old.write(to: file)
        let again = try await TestAuthority(in: authority.directory)
        #expect(try Data(contentsOf: file) == new)
        try await again.stop()
        let other = try await TestAuthority()
        try await other.stop()
        for name in ["ca.pem", "ca.key"] {
            let path = authority.directory.path + "/authority/" + name
            try FileManager.default.removeItem(atPath: path)
            try FileManager.default.copyItem(atPath: other.directory.path + "/authority/" + name, toPath: path)
        }
        await #expect(throws: AuthorityError.otherAuthority(path: file.path)) {
            _ = try await TestAuthority(in: authority.directory)
        }
    }

    @Test func aRetiredCAWhoseKeyIsGoneIsSaid() async throws {
        let authority = try await TestAuthority()
        _ = try await replaceCA(authority)
        let second = try await replaceCA(authority)
        try await authority.stop()
        let path = authority.directory.path + "/authority/ca-\(second.fingerprint).key"
        try FileManager.default.removeItem(atPath: path)
        await #expect(
            throws: AuthorityError.missing(path: path, while: authority.directory.path + "/authority/authority.sqlite")
        ) { _ = try await TestAuthority(in: authority.directory) }
    }

    /// Made, used and given up by the clock alone, its keys with it.
    @Test func cAsFollowOneAnotherInTime() async throws {
        let day: Int64 = 86400
        let authority = try await TestAuthority(clock: TestClock(stoppedAt: 1_800_000_000)) {
            $0.caLifetime = .seconds(60 * day)
            $0.limits.endedAuthority = .zero
        }
        let keys = {
            try FileManager.default.contentsOfDirectory(atPath: authority.directory.path + "/authority")
                .filter { $0.hasPrefix("ca") && $0.hasSuffix(".key") }
        }
        let first = try await authority.service.certificateAuthorities()
        #expect(try keys() == ["ca.key"])
        authority.clock.advance(seconds: 30 * day)
        await authority.service.lifecycle.look()
        #expect(try await states(authority) == ["active, serves", "prepared"])
        authority.clock.advance(seconds: 20 * day)
        await authority.service.lifecycle.look()
        #expect(try await states(authority) == ["retired, serves", "active"])
        // Its server changes sides in time for its SVIDs to have all of their life.
        authority.clock.advance(seconds: 9 * day)
        #expect(try await states(authority) == ["retired", "active, serves"])
        authority.clock.advance(seconds: day)
        await authority.service.lifecycle.look()
        let left = try await authority.service.certificateAuthorities()
        #expect(left.first?.state == .active && !left.contains { $0.fingerprint == first[0].fingerprint })
        #expect(try !keys().contains("ca.key") && keys().count == left.count)
        try await authority.stop()
        let again = try await TestAuthority(in: authority.directory, clock: authority.clock)
        #expect(try await again.service.certificateAuthorities().map(\.fingerprint) == left.map(\.fingerprint))
    }

    /// A clock that was set ahead: nothing is issued, nothing is lost, also over a start.
    @Test func aClockFarAheadCostsNoCA() async throws {
        let authority = try await TestAuthority { $0.caLifetime = .seconds(30 * 86400) }
        let node = try await TestNode.joined("a", to: authority)
        let former = try await replaceCA(authority)
        let before = try await authority.service.certificateAuthorities().map(\.fingerprint)
        authority.clock.advance(seconds: 365 * 86400)
        await authority.service.lifecycle.look()
        #expect(
            authority.journal.contains { if case .successionFailed(.ended) = $0 { true } else { false } })
        #expect(try await authority.service.certificateAuthorities().map(\.fingerprint) == before)
        try await authority.stop()
        await #expect(throws: AuthorityError.self) {
            _ = try await TestAuthority(in: authority.directory, clock: authority.clock)
        }
        authority.clock.advance(seconds: -365 * 86400)
        let again = try await TestAuthority(in: authority.directory, port: authority.port, clock: authority.clock)
        #expect(try await again.service.certificateAuthorities().map(\.fingerprint) == before)
        try await eventually("the node is back") { await node.service.status().isConnected }
        #expect(issuer(node.service.currentSVID) == former.fingerprint)
    }

    /// An authority that was away goes on with the CA that was prepared.
    @Test func theOneThatIsPreparedTakesOverAtAStart() async throws {
        let day: Int64 = 86400
        let authority = try await TestAuthority { $0.caLifetime = .seconds(60 * day) }
        authority.clock.advance(seconds: 40 * day)
        await authority.service.lifecycle.look()
        let prepared = try await authority.service.certificateAuthorities()[1]
        try await authority.stop()
        authority.clock.advance(seconds: 25 * day)
        let again = try await TestAuthority(in: authority.directory, clock: authority.clock)
        #expect(try await states(again) == ["retired", "active, serves"])
        #expect(try await again.service.certificateAuthorities()[1].fingerprint == prepared.fingerprint)
    }

    /// Where the key stays the operator's, the next CA is another certificate for it; what one has taken back the other has.
    @Test func aKeyOfTheOperatorsGetsAnotherCertificate() async throws {
        let first = try await TestAuthority()
        let key = first.service.bundle.authorities[0].publicKey
        try await first.stop()
        let path = first.directory.path + "/ca-key.pem"
        try FileManager.default.moveItem(atPath: first.directory.path + "/authority/ca.key", toPath: path)
        let authority = try await TestAuthority(in: first.directory) { $0.keyStore = .file(path: path) }
        let node = try await TestNode.joined("a", to: authority)
        try await authority.entry("/web", parent: "a")
        let issued = try await node.service.issue(pod())
        let former = try await replaceCA(authority)
        try await eventually("the node trusts both") { node.service.bundle.authorities.count == 2 }
        #expect(node.service.bundle.authorities.allSatisfy { $0.publicKey == key })
        _ = try await authority.service.revoke(
            .serial(issued.svid.svid.leaf.serialHex), reason: .keyCompromise, by: 0)
        try await eventually("it is taken back by either") {
            let roots = node.service.bundle.authorities
            return try roots.allSatisfy { root in
                let bundle = try TrustBundle(
                    trustDomain: trustDomain, authorities: [root],
                    revocations: node.service.bundle.revocations.map {
                        try RevocationList(der: $0.der, of: root)
                    }, sequence: 1)
                return
                    (try? SVIDVerifier(bundle: bundle).verify(chain: issued.svid.svid.chain, at: authority.clock.now))
                    == nil
            } && node.service.bundle.revokes(issued.svid.svid)
        }
        // What one issued is as good as the other's: there is nothing to be rid of.
        await #expect(throws: SuccessionError.sharedKey(former.fingerprint)) {
            try await authority.service.taintAuthority(former.fingerprint)
        }
        await #expect(throws: SuccessionError.sharedKey(former.fingerprint)) {
            try await authority.service.revokeAuthority(former.fingerprint, force: true)
        }
        try await authority.stop()
        let again = try await TestAuthority(in: authority.directory, clock: authority.clock) {
            $0.keyStore = .file(path: path)
        }
        #expect(try await states(again) == ["retired, serves", "active"])
    }
}
