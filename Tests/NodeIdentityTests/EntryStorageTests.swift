import Authority
import AuthorityAPI
import Foundation
import Identity
import KernelTestSupport
import OpenSSLBinding
import Testing

@testable import NodeIdentity

/// SVIDs of entries over a restart of the node.
@Suite(.timeLimit(.minutes(1))) struct EntryStorageTests {
    /// A node whose processes have asked for what there are entries of, and that has been stopped.
    private func stoppedNode(
        _ authority: TestAuthority, paths: [String], lifetime: Duration? = nil
    ) async throws -> TestNode {
        for path in paths { try await authority.entry(path, selectors: [.userID(1000)], lifetime: lifetime) }
        let node = try await TestNode.joined("node-a", to: authority)
        try await eventually("the entries") { await node.service.entries?.count == paths.count }
        for entry in try #require(await node.service.entries).inOrder { _ = try await node.service.svid(of: entry) }
        await node.stop()
        return node
    }

    private func files(_ node: TestNode) throws -> [String] {
        let directory = node.directory.path + "/node/entries"
        return try FileManager.default.contentsOfDirectory(atPath: directory).map { directory + "/" + $0 }
    }

    private func serials(_ node: TestNode) async -> [String: String] {
        await node.service.heldEntries.compactMapValues { $0.svid?.svid.leaf.serialHex }
    }

    @Test func aRestartKeepsThemWithoutAnAuthority() async throws {
        let authority = try await TestAuthority()
        let before = try await stoppedNode(authority, paths: ["/a", "/b"])
        try await authority.entry("/never-asked-for", selectors: [.userID(1001)])
        let known = try #require(await before.service.entries).inOrder
        let held = await serials(before)
        #expect(held.count == 2)
        try await authority.stop()

        let after = try TestNode(in: before.directory, clock: authority.clock, patience: .milliseconds(100))
        let restored = await after.service.knownEntries
        #expect(restored.index.inOrder == known && !restored.areAll)
        for entry in known {
            let svid = try await after.service.svid(of: entry)
            #expect(svid.svid.leaf.serialHex == held[entry.id] && svid.svid.id == entry.spiffeID)
        }
    }

    @Test func theyAreRenewedAfterARestart() async throws {
        let authority = try await TestAuthority()
        let before = try await stoppedNode(authority, paths: ["/a"], lifetime: .seconds(14))
        let former = await serials(before)
        let after = try TestNode(in: before.directory, clock: authority.clock)
        try await eventually("a renewal") { await Set(serials(after).values).isDisjoint(with: former.values) }
        await after.stop()
        let renewed = await serials(after)
        let again = try TestNode(in: before.directory, clock: authority.clock)
        #expect(await serials(again) == renewed, "the newest is on disk")
    }

    /// The authority says what is so by now: the one is gone, the other another, and only the third is as it was.
    @Test func whatTheAuthoritySaysCounts() async throws {
        let authority = try await TestAuthority()
        let before = try await stoppedNode(authority, paths: ["/gone", "/other", "/same"])
        let entries = Dictionary(
            uniqueKeysWithValues: try #require(await before.service.entries).inOrder.map { ($0.spiffeID.path, $0) })
        let (gone, other, same) = (try #require(entries["/gone"]), try #require(entries["/other"]), entries["/same"])
        _ = try await authority.service.deleteEntry(gone.id)
        _ = try await authority.service.updateEntry(
            other.id, to: NewEntry(spiffeID: other.spiffeID, selectors: [.userID(1002)]))
        let held = await serials(before)
        let after = try TestNode(in: before.directory, clock: authority.clock)
        #expect(await serials(after) == held)
        try await eventually("the authority's word") { await after.service.knownEntries.areAll }
        let kept = try #require(same).id
        #expect(await serials(after) == [kept: try #require(held[kept])])
        #expect(await Set(after.service.knownEntries.index.inOrder.map(\.spiffeID.path)) == ["/other", "/same"])
        #expect(try files(after).count == 1)
    }

    /// What lies on the disk is of no use to who has nothing else, and all of it to the node.
    @Test func keysAreSealedWhereThereIsASecret() async throws {
        let authority = try await TestAuthority()
        try await authority.entry("/a", selectors: [.userID(1000)])
        try await authority.entry("/ns/shop/sa/web")
        let stateKey = SecretBytes([UInt8](0..<32))
        let before = try TestNode(clock: authority.clock, stateKey: stateKey)
        try await before.join(authority.invitation(node: "node-a"))
        _ = try await before.service.issue(pod())
        try await eventually("the entries") { await before.service.entries?.count == 2 }
        let entry = try #require(await before.service.entries?.inOrder.first { $0.spiffeID.path == "/a" })
        let held = try await before.service.svid(of: entry).svid.leaf.serialHex
        await before.stop()
        try await authority.stop()

        let state = before.directory.path + "/node"
        let paths = try #require(FileManager.default.enumerator(atPath: state)).compactMap { $0 as? String }
        let keyed = try paths.filter { $0.hasSuffix(".pem") }.map {
            try String(contentsOfFile: "\(state)/\($0)", encoding: .utf8)
        }
        #expect(keyed.count == 3)
        #expect(keyed.allSatisfy { $0.contains("BEGIN ENCRYPTED PRIVATE KEY") && !$0.contains("BEGIN PRIVATE KEY") })
        for other in [nil, SecretBytes([UInt8](1..<33))] {
            #expect(throws: NodeStateError.self) {
                try TestNode(in: before.directory, clock: authority.clock, stateKey: other)
            }
        }
        #expect(
            try NodeIdentityService.inspect(stateDirectory: state, of: trustDomain, now: authority.clock.now)
                == .joined(name: "node-a", notAfter: #require(before.service.currentSVID).svid.notAfter),
            "the doctor has no secret")
        let after = try TestNode(
            in: before.directory, clock: authority.clock, patience: .milliseconds(100), stateKey: stateKey)
        #expect(try await after.service.svid(of: entry).svid.leaf.serialHex == held)
        #expect(await after.service.heldWorkloads.count == 1)
    }

    /// A secret that comes later seals what is there; another one after it opens nothing, and costs nothing.
    @Test func whatWasNotSealedIsReadAndSealed() async throws {
        let authority = try await TestAuthority()
        let before = try await stoppedNode(authority, paths: ["/a"])
        let held = await serials(before)
        let stateKey = SecretBytes([UInt8](0..<32))
        let after = try TestNode(in: before.directory, clock: authority.clock, stateKey: stateKey)
        #expect(await serials(after) == held)
        await after.stop()
        for path in try [before.directory.path + "/node/node.pem"] + files(before) {
            #expect(try String(contentsOfFile: path, encoding: .utf8).contains("BEGIN ENCRYPTED PRIVATE KEY"))
        }
        for other in [nil, SecretBytes([UInt8](1..<33))] {
            #expect(throws: NodeStateError.sealed(path: before.directory.path + "/node/node.pem")) {
                try TestNode(in: before.directory, clock: authority.clock, stateKey: other)
            }
        }
        let again = try TestNode(in: before.directory, clock: authority.clock, stateKey: stateKey)
        #expect(await Set(serials(again).keys) == Set(held.keys))
    }

    private let stateKey = SecretBytes([UInt8](0..<32))

    /// Of a node that joined again meanwhile without the secret: its own key is open to read.
    private func sealEntry(of node: TestNode) async throws {
        let saved = SavedSVIDs(directory: node.directory.path + "/node/entries", seal: stateKey, isLasting: true)
        let name = try #require(await node.service.heldEntries.keys.first)
        let note = try String(contentsOfFile: files(node)[0], encoding: .utf8).prefix { $0 != "\n" }
        try saved.save(#require(await node.service.heldEntries[name]?.svid), of: name, note: note + "\n")
    }

    @Test func whatIsSealedByAnotherSecretIsNotThrownAway() async throws {
        let authority = try await TestAuthority()
        let node = try await stoppedNode(authority, paths: ["/a"])
        try await sealEntry(of: node)
        #expect(throws: NodeStateError.self) { try TestNode(in: node.directory, clock: authority.clock) }
        #expect(try files(node).count == 1)
    }

    /// Else no secret would open all of it any more.
    @Test func bySecretsThatDoNotOpenAllNothingIsSealed() async throws {
        let authority = try await TestAuthority()
        let node = try await stoppedNode(authority, paths: ["/a"])
        try await sealEntry(of: node)
        let path = node.directory.path + "/node/node.pem"
        let before = try String(contentsOfFile: path, encoding: .utf8)
        #expect(throws: try NodeStateError.sealed(path: files(node)[0])) {
            try TestNode(in: node.directory, clock: authority.clock, stateKey: SecretBytes([UInt8](1..<33)))
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == before)
        let after = try TestNode(in: node.directory, clock: authority.clock, stateKey: stateKey)
        #expect(await serials(after).count == 1)
        #expect(try String(contentsOfFile: path, encoding: .utf8).contains("BEGIN ENCRYPTED PRIVATE KEY"))
    }

    /// They would keep the daemon from its next start.
    @Test func withoutAMembershipNothingIsLeft() async throws {
        let authority = try await TestAuthority()
        let node = try await stoppedNode(authority, paths: ["/a"])
        try await sealEntry(of: node)
        try FileManager.default.removeItem(atPath: node.directory.path + "/node/node.pem")
        _ = try TestNode(in: node.directory, clock: authority.clock)
        #expect(try files(node).isEmpty)
    }

    @Test func anotherMembershipForgetsThem() async throws {
        let authority = try await TestAuthority()
        let node = try await stoppedNode(authority, paths: ["/a"])
        #expect(try files(node).count == 1)
        try await node.service.join(authority.invitation(node: "node-b"))
        #expect(try files(node).isEmpty)
    }

    @Test func nobodyElseCanReadThem() async throws {
        let authority = try await TestAuthority()
        let node = try await stoppedNode(authority, paths: ["/a"])
        for (path, wanted) in [(try files(node)[0], 0o600), (node.directory.path + "/node/entries", 0o700)] {
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == wanted)
        }
    }

    /// What a crash has left, or a hand has changed, is nobody's; the rest is as it was.
    @Test(arguments: ["empty", "cut off", "another's note", "no note"])
    func whatMakesNoSenseIsForgotten(_ what: String) async throws {
        let authority = try await TestAuthority()
        let before = try await stoppedNode(authority, paths: ["/a", "/b"])
        try await authority.stop()
        let paths = try files(before)
        let text = try String(contentsOfFile: paths[0], encoding: .utf8)
        let other = try String(contentsOfFile: paths[1], encoding: .utf8)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let note = other.split(separator: "\n")[0]
        let changed =
            switch what {
            case "empty": ""
            case "cut off": String(text.prefix(text.count / 2))
            case "another's note": ([note] + lines.dropFirst()).joined(separator: "\n")
            default: lines.dropFirst().joined(separator: "\n")
            }
        try changed.write(toFile: paths[0], atomically: false, encoding: .utf8)
        let after = try TestNode(in: before.directory, clock: authority.clock, patience: .milliseconds(100))
        #expect(await after.service.heldEntries.count == 1)
        #expect(try files(after) == [paths[1]])
        #expect(
            after.journal.all.contains {
                if case .workloadNotRestored(let path, _) = $0 { path == paths[0] } else { false }
            })
    }
}
