import Authority
import AuthorityAPI
import Foundation
import Identity
import KernelTestSupport
import LinuxBinding
import OpenSSLBinding
import Testing

@testable import NodeIdentity

/// Pods' SVIDs over a restart of the node.
@Suite(.timeLimit(.minutes(1))) struct WorkloadStorageTests {
    /// A node with SVIDs for `pods` that has been stopped.
    private func stoppedNode(
        _ authority: TestAuthority, pods: [PodFacts], lifetime: Duration? = nil
    ) async throws -> TestNode {
        try await authority.entry("/ns/shop/sa/web", labels: ["app": "web"], lifetime: lifetime)
        let node = try await TestNode.joined("node-a", to: authority)
        for pod in pods { _ = try await node.service.issue(pod) }
        await node.stop()
        return node
    }

    private func files(_ node: TestNode) throws -> [String] {
        let directory = node.directory.path + "/node/workloads"
        return try FileManager.default.contentsOfDirectory(atPath: directory).map { directory + "/" + $0 }
    }

    @Test func aRestartKeepsThemWithoutAnAuthority() async throws {
        let authority = try await TestAuthority()
        let pod = try pod(labels: ["app": "web", "tier": "front"])
        let before = try await stoppedNode(authority, pods: [pod])
        try await authority.stop()

        let after = try TestNode(in: before.directory, clock: authority.clock, patience: .milliseconds(100))
        let held = try #require(await before.service.workload(pod.podName))
        let restored = try await after.service.resume(pod)
        #expect(restored.pod == pod)
        #expect(restored.svid.svid == held.svid.svid)
        #expect(restored.svid.key.publicKey == held.svid.key.publicKey)
        #expect(restored.identity == held.identity)
        #expect(restored.labels == ["app": "web"])
        #expect(await after.service.heldWorkloads.map(\.pod) == [pod])
        #expect(await after.service.status().workloads == 1)
    }

    @Test func nobodyElseCanReadThem() async throws {
        let authority = try await TestAuthority()
        let node = try await stoppedNode(authority, pods: [pod("web-0"), pod("web-1")])
        let files = try files(node)
        #expect(files.count == 2)
        for path in files {
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
        }
        let mode = try FileManager.default.attributesOfItem(atPath: node.directory.path + "/node/workloads")[
            .posixPermissions]
        #expect(mode as? Int == 0o700)
    }

    @Test func theyAreRenewedAfterARestart() async throws {
        let authority = try await TestAuthority()
        let pod = try pod()
        let before = try await stoppedNode(authority, pods: [pod], lifetime: .seconds(14))
        let former = try #require(await before.service.workload(pod.podName)).svid.svid
        let after = try TestNode(in: before.directory, clock: authority.clock)
        try await eventually("a renewal") { await after.service.workload(pod.podName)?.svid.svid != former }
        await after.stop()
        let again = try TestNode(in: before.directory, clock: authority.clock)
        #expect(
            await again.service.workload(pod.podName)?.svid.svid
                == (await after.service.workload(pod.podName)?.svid.svid))
    }

    @Test func aReleasedOneIsGone() async throws {
        let authority = try await TestAuthority()
        let node = try await stoppedNode(authority, pods: [pod("web-0"), pod("web-1")])
        await node.service.release(try pod("web-0").podName)
        let after = try TestNode(in: node.directory, clock: authority.clock)
        #expect(await after.service.heldWorkloads.map(\.pod.name) == ["web-1"])
        #expect(try files(node).count == 1)
    }

    @Test func otherFactsNeedAnotherSVID() async throws {
        let authority = try await TestAuthority()
        let node = try await stoppedNode(authority, pods: [pod()])
        let former = try #require(await node.service.workload(pod().podName))
        let after = try TestNode(in: node.directory, clock: authority.clock)
        let changed = try await after.service.resume(pod(labels: ["app": "other"]))
        #expect(changed.svid.svid != former.svid.svid)
        #expect(changed.pod.labels == ["app": "other"])
        #expect(try files(node).count == 1)
    }

    /// Names as long as names may be fit into no file's name, and still are told apart.
    @Test func longNamesAreToldApart() async throws {
        let authority = try await TestAuthority { $0.autoRegistration = AutoRegistration(scope: .allNodes) }
        let node = try await TestNode.joined("node-a", to: authority)
        let long = String(repeating: "a", count: 253)
        let pods = try [pod(long, namespace: long), pod(long, namespace: "a"), pod("a", namespace: long)]
        for pod in pods { _ = try await node.service.issue(pod) }
        await node.stop()
        let after = try TestNode(in: node.directory, clock: authority.clock)
        for pod in pods { #expect(await after.service.workload(pod.podName)?.pod == pod) }
    }

    /// What a file can have wrong, and why it is refused.
    enum Damage: CaseIterable {
        case open, link, empty, noNote, otherPod, badLabels, otherKey, noKey, otherRoot, otherNode, notAWorkload
    }

    @Test(arguments: Damage.allCases) func aFileThatIsNotGoodIsDeleted(damage: Damage) async throws {
        let authority = try await TestAuthority()
        let node = try await stoppedNode(authority, pods: [pod("web-0"), pod("web-1")])
        let damaged = try #require(try files(node).first)
        try await inflict(damage, on: damaged, authority)

        let after = try TestNode(in: node.directory, clock: authority.clock)
        #expect(await after.service.heldWorkloads.count == 1)
        #expect(!FileManager.default.fileExists(atPath: damaged))
        #expect(
            after.journal.contains {
                if case .workloadNotRestored(damaged, let reason) = $0 { !reason.isEmpty } else { false }
            })
    }

    private func inflict(_ damage: Damage, on path: String, _ authority: TestAuthority) async throws {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let chain = try #require(text.firstRange(of: "-----BEGIN CERTIFICATE-----")).lowerBound
        let key = try #require(text.firstRange(of: "-----BEGIN PRIVATE KEY-----")).lowerBound
        let note = String(text[..<chain])
        switch damage {
        case .open: try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
        case .link:
            try FileManager.default.moveItem(atPath: path, toPath: path + ".away")
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: path + ".away")
        case .empty: try write("", to: path)
        case .noNote: try write(String(text[chain...]), to: path)
        case .otherPod: try write(text.replacing("web-", with: "db-"), to: path)
        case .badLabels: try write(text.replacing("\"app\":\"web\"", with: "\"app\":\"w eb\""), to: path)
        case .otherKey:
            let other = try PrivateKey.generate().pkcs8PEM()
            let pem = unsafe other.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
            try write(String(text[..<key]) + pem, to: path)
        case .noKey: try write(String(text[..<key]), to: path)
        case .otherRoot:
            let stranger = try await TestAuthority()
            let signer = try Signer(stranger.service.bundle, directory: stranger.directory.path)
            try IdentityFile(path: path).write(signer.svid(.workload, on: "node-a"), note: note)
        case .otherNode:
            let signer = try Signer(authority.service.bundle, directory: authority.directory.path)
            try IdentityFile(path: path).write(signer.svid(.workload, on: "node-b"), note: note)
        case .notAWorkload:
            let signer = try Signer(authority.service.bundle, directory: authority.directory.path)
            try IdentityFile(path: path).write(signer.svid(.node), note: note)
        }
    }

    private func write(_ text: String, to path: String) throws {
        try text.write(toFile: path, atomically: false, encoding: .utf8)
    }

    @Test func anExpiredOneIsDropped() async throws {
        let authority = try await TestAuthority()
        let node = try await stoppedNode(authority, pods: [pod()], lifetime: .seconds(60))
        authority.clock.advance(seconds: 60)
        let after = try TestNode(in: node.directory, clock: authority.clock)
        #expect(await after.service.heldWorkloads.isEmpty)
        #expect(try files(node).isEmpty)
    }

    /// A full disk costs the next restart an SVID, not this run.
    @Test func aFullDiskIsSaidAndLivedWith() async throws {
        let authority = try await TestAuthority()
        try await authority.entry("/ns/shop/sa/web")
        let disk = try SmallFileSystem(kilobytes: 128)
        let node = try TestNode(in: disk.directory, clock: authority.clock)
        try await node.join(authority.invitation(node: "node-a"))
        let kept = try await node.service.issue(pod("kept"))
        try disk.fill()
        let issued = try await node.service.issue(pod("lost"))
        #expect(
            node.journal.contains {
                if case .stateNotSaved(.file(let error)) = $0 { error.code == ENOSPC } else { false }
            })
        #expect(try await node.service.workload(pod("lost").podName)?.svid.svid == issued.svid.svid)
        await node.stop()

        try disk.makeRoom()
        let after = try TestNode(in: disk.directory, clock: authority.clock)
        #expect(await after.service.heldWorkloads.map(\.svid.svid) == [kept.svid.svid])
        #expect(after.journal.all.allSatisfy { if case .workloadNotRestored = $0 { false } else { true } })
    }

    /// A writer that was killed leaves its half of a key; the next run takes it away.
    @Test func leftoversOfAKilledWriterAreRemoved() async throws {
        let authority = try await TestAuthority()
        let node = try await stoppedNode(authority, pods: [pod()])
        let file = try #require(try files(node).first)
        let leftovers = [file + ".new-1", node.directory.path + "/node/node.pem.new-12345"]
        for path in leftovers { try write("half a key", to: path) }
        _ = try TestNode(in: node.directory, clock: authority.clock)
        for path in leftovers { #expect(!FileManager.default.fileExists(atPath: path)) }
    }

    /// Under another root, or another name, an SVID means nothing; the pod gets one that does.
    @Test func joiningElsewhereReplacesThem() async throws {
        let first = try await TestAuthority()
        let second = try await TestAuthority()
        try await first.entry("/ns/shop/sa/web")
        try await second.entry("/ns/shop/sa/web")
        let node = try await TestNode.joined("node-a", to: first)
        let former = try await node.service.issue(pod()).svid.svid
        try await node.join(second.invitation(node: "node-b"))
        try await eventually("an SVID of the second authority") {
            let svid = try await node.service.workload(pod().podName)?.svid.svid
            return svid?.anchor == second.service.bundle.authorities[0] && svid != former
        }
        #expect(
            try await node.service.workload(pod().podName)?.svid.svid.binding?.node
                == (try ReservedNames.node("node-b", in: trustDomain)))
    }

    /// The pod is gone before the authority has answered: nothing of it may come back.
    @Test func aReleaseWhileTheAuthorityThinksIsFinal() async throws {
        let authority = try await TestAuthority()
        try await authority.entry("/ns/shop/sa/web")
        let node = try await TestNode.joined("node-a", to: authority)
        let pod = try pod()
        // On one actor, what is begun first runs up to its first wait first.
        let issuing = Task { try await node.service.issue(pod) }
        try await eventually("the call is under way") { await node.service.newestIssue[pod.podName] != nil }
        await node.service.release(pod.podName)
        await #expect(throws: AuthorityCallError.superseded) { try await issuing.value }
        #expect(await node.service.workload(pod.podName) == nil)
        #expect(try files(node).isEmpty)
    }
}
