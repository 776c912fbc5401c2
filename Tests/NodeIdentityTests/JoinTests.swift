import Authority
import AuthorityAPI
import Foundation
import Identity
import KernelTestSupport
import LinuxBinding
import OpenSSLBinding
import SecureTransport
import Testing

@testable import NodeIdentity

@Suite(.timeLimit(.minutes(1))) struct JoinTests {
    @Test func aNodeJoinsByToken() async throws {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("node-a", to: authority)
        let svid = try #require(node.service.currentSVID)
        #expect(svid.svid.id == (try ReservedNames.node("node-a", in: trustDomain)))
        #expect(node.service.bundle.authorities.map(\.sha256.count) == [32])
        #expect(await node.service.membership?.number == 1)
        let path = node.directory.path + "/node/node.pem"
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test func anotherRootIsRefusedBeforeTheTokenIsShown() async throws {
        let authority = try await TestAuthority()
        let impostor = try await TestAuthority()
        var invitation = try await authority.invitation(node: "node-a")
        invitation.authorityAddress = impostor.address
        let node = try TestNode()
        await #expect(throws: JoinError.connection(.transport(.pinnedRootNotPresented))) {
            try await node.service.join(invitation)
        }
        #expect(!impostor.journal.contains { if case .joinRefused = $0 { true } else { false } })
        invitation.authorityAddress = authority.address
        try await node.service.join(invitation)
    }

    @Test func anAuthorityOfAnotherTrustDomainIsRefused() async throws {
        let other = try TrustDomain("elsewhere.org")
        let authority = try await TestAuthority { $0.trustDomain = other }
        let node = try TestNode()
        await #expect(throws: JoinError.self) { try await node.service.join(authority.invitation(node: "node-a")) }
    }

    /// Used, expired, unknown: told apart in the authority's journal, the same to the node.
    @Test func badTokensGetOneAnswer() async throws {
        let authority = try await TestAuthority()
        let used = try await authority.invitation()
        var invitation = used
        invitation.nodeName = "node-a"
        try await TestNode().join(invitation)

        var expired = try await authority.invitation(lifetime: .seconds(1))
        expired.nodeName = "node-b"
        var unknown = expired
        unknown.credential = .token("no such token")
        var again = used
        again.nodeName = "node-c"
        try await Task.sleep(for: .seconds(1.1))
        for bad in [again, expired, unknown] {
            await #expect(throws: JoinError.call(.denied("the join token is not valid"))) {
                try await TestNode().join(bad)
            }
        }
        let reasons = authority.journal.all.compactMap { event -> JoinRefusal? in
            if case .joinRefused(_, let refusal) = event { refusal } else { nil }
        }
        #expect(reasons == [.usedToken, .expiredToken, .unknownToken])
    }

    @Test func oneTokenLetsOneOfManyIn() async throws {
        let authority = try await TestAuthority()
        let invitation = try await authority.invitation()
        let joined = try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<50 {
                group.addTask {
                    var own = invitation
                    own.nodeName = "node-\(index)"
                    do {
                        try await TestNode().join(own)
                        return true
                    } catch JoinError.call(.denied) {
                        return false
                    }
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(joined == 1)
        #expect(try await authority.service.nodes().count == 1)
    }

    @Test(arguments: ["", "../node", "a/b", "podshield node", "..", String(repeating: "a", count: 64), "nöde"])
    func namesThatNoNodeCanHave(name: String) async throws {
        let authority = try await TestAuthority()
        await #expect(throws: (any Error).self) {
            var invitation = try await authority.invitation()
            invitation.nodeName = name
            try await TestNode().join(invitation)
        }
        #expect(try await authority.service.nodes().isEmpty)
    }

    @Test(arguments: ["", "00", String(repeating: "g", count: 64), String(repeating: "+1", count: 32)])
    func fingerprintsThatAreNone(text: String) {
        #expect(throws: JoinError.badFingerprint(text)) { try NodeJoin.fingerprint(text) }
    }

    @Test func fingerprintsInBothSpellings() throws {
        let bytes = [UInt8](0..<32)
        let plain = bytes.map { String(format: "%02x", $0) }.joined()
        let colons = bytes.map { String(format: "%02X", $0) }.joined(separator: ":")
        #expect(try NodeJoin.fingerprint(plain) == bytes)
        #expect(try NodeJoin.fingerprint(colons) == bytes)
    }

    @Test(arguments: [
        ("authority.example.org:4520", "authority.example.org", 4520), ("192.0.2.1:1", "192.0.2.1", 1),
        ("[2001:db8::1]:4520", "2001:db8::1", 4520),
    ])
    func addresses(text: String, host: String, port: Int) throws {
        let address = try AuthorityAddress(text)
        #expect(address.host == host && address.port == port)
    }

    @Test(arguments: ["", "host", "host:", ":1", "host:0", "host:65536", "2001:db8::1:80", "host:-1"])
    func textsThatAreNoAddress(text: String) {
        #expect(throws: ConnectionFailure.badAddress(text)) { try AuthorityAddress(text) }
    }

    @Test func aRestartNeedsNoToken() async throws {
        let authority = try await TestAuthority()
        try await authority.entry("/ns/shop/sa/web")
        let node = try await TestNode.joined("node-a", to: authority)
        try await eventually("directory") { await node.service.currentDirectory != nil }
        let revision = await node.service.currentDirectory?.revision
        await node.stop()

        let again = try TestNode(in: node.directory, clock: authority.clock)
        #expect(again.service.currentSVID?.svid == node.service.currentSVID?.svid)
        #expect(await again.service.currentDirectory?.revision ?? 0 >= revision ?? .max)
        _ = try await again.service.issue(pod())
    }

    @Test func anExpiredNodeHasToJoinAgainAndKeepsItsNumber() async throws {
        let authority = try await TestAuthority()
        _ = try await TestNode.joined("first", to: authority)
        let node = try await TestNode.joined("node-a", to: authority)
        await node.stop()
        authority.clock.advance(seconds: 48 * 3600)

        let again = try TestNode(in: node.directory, clock: authority.clock)
        #expect(again.service.currentSVID == nil)
        #expect(again.journal.contains { if case .identityExpired = $0 { true } else { false } })
        await #expect(throws: AuthorityCallError.notJoined) { try await again.service.issue(pod()) }
        // The authority's own SVID expired with the jump as well.
        try await again.join(authority.invitation(node: "node-a"))
        #expect(await again.service.membership?.number == 2)
    }

    @Test func aDamagedIdentityIsNamed() async throws {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("node-a", to: authority)
        await node.stop()
        let path = node.directory.path + "/node/node.pem"
        try Data("nothing".utf8).write(to: URL(filePath: path))
        #expect { try TestNode(in: node.directory) } throws: { error in
            guard case .unreadable(path, _) = error as? NodeStateError else { return false }
            return true
        }
    }

    /// The key is a secret, and whoever can write the others decides whom this node trusts.
    @Test(arguments: ["node.pem", "node.json", "bundle.pb", "directory.pb"])
    func aFileThatOthersCanTouchIsRefused(name: String) async throws {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("node-a", to: authority)
        try await eventually("a directory") { await node.service.currentDirectory != nil }
        await node.stop()
        let path = node.directory.path + "/node/" + name
        try FileManager.default.setAttributes([.posixPermissions: 0o620], ofItemAtPath: path)
        #expect(throws: NodeStateError.privateFile(.open(path: path, mode: 0o100620))) {
            try TestNode(in: node.directory)
        }
    }

    /// Of another name than the membership says, such as a file of another node that was copied here.
    @Test func theIdentityOfAnotherNodeIsRefused() async throws {
        let authority = try await TestAuthority()
        let a = try await TestNode.joined("node-a", to: authority)
        let b = try await TestNode.joined("node-b", to: authority)
        await a.stop()
        await b.stop()
        let path = a.directory.path + "/node/node.pem"
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.copyItem(atPath: b.directory.path + "/node/node.pem", toPath: path)
        #expect { try TestNode(in: a.directory) } throws: { error in
            guard case .unreadable(path, _) = error as? NodeStateError else { return false }
            return true
        }
    }

    /// Joining again was interrupted: no membership is better than one that bars the start.
    @Test func anInterruptedJoinLeavesNoMembership() async throws {
        let authority = try await TestAuthority()
        let node = try await TestNode.joined("node-a", to: authority)
        await node.stop()
        let path = node.directory.path + "/node/node.pem"
        try FileManager.default.removeItem(atPath: path)
        let again = try TestNode(in: node.directory)
        #expect(again.service.currentSVID == nil)
        #expect(await again.service.membership == nil)
        try await again.join(authority.invitation(node: "node-a"))
        #expect(await again.service.membership?.number == 1)
    }
}
