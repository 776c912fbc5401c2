import AuthorityAPI
import Foundation
import Glibc
import Identity
import JOSE
import KernelTestSupport
import LinuxBinding
import Testing

@testable import Authority
@testable import NodeIdentity

/// An authority in one file, and back.
@Suite(.timeLimit(.minutes(2))) struct BackupTests {
    private static let madeAt: Int64 = 1_800_000_000

    private func backup(of directory: TemporaryDirectory, keyIsKept: Bool = false) -> AuthorityBackup {
        AuthorityBackup(stateDirectory: directory.path + "/authority", of: trustDomain, keyIsKept: keyIsKept)
    }

    private func write(
        _ backup: AuthorityBackup, in directory: TemporaryDirectory, withKeys: Bool = true
    ) throws -> String {
        let path = directory.path + "/backup.tar"
        try? FileManager.default.removeItem(atPath: path)
        let output = try FileDescriptor(opening: path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        try backup.write(to: output, withKeys: withKeys, now: Self.madeAt)
        return path
    }

    @discardableResult
    private func restore(
        _ path: String, to backup: AuthorityBackup, replacing: Bool = true, after seconds: Int64 = 500
    ) throws -> RestoredAuthority {
        try backup.restore(
            from: FileDescriptor(opening: path), replacing: replacing, now: Self.madeAt + seconds)
    }

    /// All files and what is in them.
    private func contents(_ directory: String) throws -> [String: Data] {
        let names = try FileManager.default.subpathsOfDirectory(atPath: directory)
        return Dictionary(
            uniqueKeysWithValues: names.compactMap { name in
                FileManager.default.contents(atPath: directory + "/" + name).map { (name, $0) }
            })
    }

    private func names(in directory: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
    }

    private func late(_ name: String) throws -> PodFacts {
        try PodFacts(namespace: "late", serviceAccount: name, name: name, labels: [:])
    }

    /// The state is lost after much has happened that the backup does not know: nodes go on, and nothing is given out twice.
    @Test func nodesGoOnWithARestoredAuthority() async throws {
        let first = try await TestAuthority { $0.autoRegistration = AutoRegistration(scope: .allNodes) }
        let node = try await TestNode.joined("node-a", to: first)
        let before = try await node.service.issue(pod("before"))
        try await first.entry("/own", selectors: [.userID(1000)])
        try await eventually("the entry") { await node.service.entries?.count == 1 }
        let entry = try #require(await node.service.entries?.inOrder.first)
        let svid = try await node.service.svid(of: entry)
        let unused = try await first.invitation(node: "node-b")
        let saved = try write(backup(of: first.directory), in: first.directory)

        var after: [NumericIdentity] = []
        for number in 0..<5 { after.append(try await node.service.issue(late("late-\(number)")).identity) }
        let late = try await TestNode.joined("node-c", to: first, address: "192.0.2.3")
        let lateNumber = try #require(await late.service.status().membership?.number)
        await late.stop()
        try await eventually("a directory") { await node.service.currentDirectory?.nodes.count == 2 }
        let revision = try #require(await node.service.currentDirectory?.revision)
        let root = node.service.bundle
        try await first.stop()
        try FileManager.default.removeItem(atPath: first.directory.path + "/authority")

        let restored = try restore(saved, to: backup(of: first.directory), replacing: false)
        #expect(restored == RestoredAuthority(madeAt: Self.madeAt, replaced: nil))
        let second = try await TestAuthority(in: first.directory, port: first.port, clock: first.clock) {
            $0.autoRegistration = AutoRegistration(scope: .allNodes)
        }
        try await eventually("the node goes on") {
            let now = await node.service.currentDirectory?.revision ?? 0
            return await node.service.status().isConnected && now > revision
        }
        #expect(node.service.bundle.authorities == root.authorities && node.service.bundle.sequence > root.sequence)
        #expect(!node.journal.contains { if case .directoryRefused = $0 { true } else { false } })
        // As they were: who they are, and by which number.
        #expect(try await node.service.issue(pod("before")).identity == before.identity)
        try await eventually("the entry of the backup, in a later edition") {
            await node.service.entries?.inOrder.first.map { $0.id == entry.id && $0.edition > entry.edition }
                ?? false
        }
        let again = try await node.service.svid(of: #require(await node.service.entries?.inOrder.first))
        #expect(again.svid.id == svid.svid.id && again.svid.leaf != svid.svid.leaf)
        // What the backup does not know is given no number that somebody may have.
        let issued = try await node.service.issue(self.late("new")).identity
        #expect(try issued > #require(after.max()))
        await #expect(throws: (any Error).self) { try await TestNode(clock: second.clock).join(unused) }
        let next = try await TestNode.joined("node-d", to: second, address: "192.0.2.4")
        #expect(try #require(await next.service.status().membership?.number) > lateNumber)
        try await second.stop()
    }

    /// Every CA's key is in it, and those for tokens.
    @Test func allCAsAreInIt() async throws {
        let first = try await TestAuthority(clock: TestClock(stoppedAt: Self.madeAt))
        let node = try await TestNode.joined("node-a", to: first)
        try await first.entry("/web", parent: "node-a")
        _ = try await first.service.prepareAuthority()
        first.clock.advance(seconds: 15)
        _ = try await first.service.activateAuthority()
        _ = try await first.service.prepareAuthority()
        _ = try await first.service.mintJWT(
            SPIFFEID(trustDomain: trustDomain, path: "/web"), audience: JWTAudience(["them"]))
        let cas = try await first.service.certificateAuthorities().map(\.fingerprint)
        let saved = try write(backup(of: first.directory), in: first.directory)
        let keys = try Command.run("tar", "-tf", saved).split(separator: "\n").filter { $0.hasSuffix(".key") }
        #expect(keys.count { $0.hasPrefix("ca") } == 3 && keys.count { $0.hasPrefix("jwt-") } >= 1)
        try await first.stop()

        try restore(saved, to: backup(of: first.directory))
        let second = try await TestAuthority(in: first.directory, port: first.port, clock: first.clock)
        #expect(try await second.service.certificateAuthorities().map(\.fingerprint) == cas)
        try await eventually("the node goes on") { await node.service.status().isConnected }
        #expect(node.service.bundle.authorities.count == 3)
        _ = try await node.service.issue(pod("web-1"))
        try await second.stop()
    }

    /// A key that is lost or another's is found before anything is replaced.
    @Test func keysFitTheirCertificates() async throws {
        let (one, other) = (try await TestAuthority(), try await TestAuthority())
        for authority in [one, other] { try await authority.stop() }
        let state = one.directory.path + "/authority"
        try FileManager.default.removeItem(atPath: state + "/ca.key")
        #expect(throws: BackupError.self) { try write(backup(of: one.directory), in: one.directory) }
        try FileManager.default.copyItem(atPath: other.directory.path + "/authority/ca.key", toPath: state + "/ca.key")
        #expect(throws: BackupError.self) { try write(backup(of: one.directory), in: one.directory) }
    }

    /// Whole by its digests, and still not what an authority could go on with.
    @Test(arguments: ["the next CA's key is another's", "the next CA's key is missing", "the certificate is another's"])
    func whatDoesNotFitIsNotRestored(_ what: String) async throws {
        let (one, other) = (try await TestAuthority(), try await TestAuthority())
        let next = try await one.service.prepareAuthority().fingerprint
        for authority in [one, other] { try await authority.stop() }
        let (state, foreign) = (one.directory.path + "/authority", other.directory.path + "/authority")
        let path = one.directory.path + "/made.tar"
        let output = try FileDescriptor(opening: path, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
        var writer = BackupWriter(output, time: Self.madeAt)
        func put(_ member: BackupMember, _ path: String) throws {
            try writer.write(member, file: FileDescriptor(opening: path), path: path)
        }
        try writer.write(.format, Array(BackupFormat(trustDomain: trustDomain, madeAt: Self.madeAt).text.utf8))
        let certificate = what.hasPrefix("the certificate") ? foreign : state
        try writer.write(.certificate, AtomicFile.read(certificate + "/ca.pem"))
        try put(.key("ca.key"), certificate + "/ca.key")
        switch what {
        case "the next CA's key is another's": try put(.key("ca-\(next).key"), foreign + "/ca.key")
        case "the next CA's key is missing": break
        default: try put(.key("ca-\(next).key"), state + "/ca-\(next).key")
        }
        try put(.registry, state + "/authority.sqlite")
        try writer.finish()
        let before = try contents(state)
        #expect {
            try restore(path, to: backup(of: one.directory))
        } throws: { error in
            guard case .authority(let reason) = error as? BackupError else { return false }
            switch reason {
            case .missing, .otherAuthority: return true
            default: return false
            }
        }
        #expect(try contents(state) == before)
        #expect(try names(in: one.directory.path) == ["authority", "made.tar"])
    }

    /// Of one moment, whatever is written meanwhile.
    @Test func aBackupUnderLoadIsWhole() async throws {
        let authority = try await TestAuthority()
        let ends = Journal<Void>()
        let load = Task {
            var count = 0
            while ends.all.isEmpty {
                try await authority.entry("/load/\(count)", selectors: [.userID(UInt32(count))])
                count += 1
            }
            return count
        }
        for _ in 0..<10 {
            let saved = try write(backup(of: authority.directory), in: authority.directory)
            let elsewhere = try TemporaryDirectory()
            try restore(saved, to: backup(of: elsewhere), replacing: false)
            let copy = try await TestAuthority(in: elsewhere)
            let paths = try await copy.service.entries().map(\.spiffeID.path)
            #expect(Set(paths) == Set((0..<paths.count).map { "/load/\($0)" }))
            try await copy.stop()
        }
        ends.write(())
        #expect(try await load.value > 0)
        #expect(try names(in: authority.directory.path + "/authority").allSatisfy { !$0.contains(".new-") })
        try await authority.stop()
    }

    @Test func whatIsNotWholeChangesNothing() async throws {
        let authority = try await TestAuthority()
        try await authority.entry("/own")
        try await authority.stop()
        let backup = backup(of: authority.directory)
        let saved = try write(backup, in: authority.directory)
        let whole = try #require(FileManager.default.contents(atPath: saved))
        let before = try contents(backup.stateDirectory)
        let broken = authority.directory.path + "/broken.tar"
        func refuses(_ bytes: Data) throws -> Bool {
            try bytes.write(to: URL(filePath: broken))
            do {
                try restore(broken, to: backup)
                return false
            } catch let error as BackupError {
                if case .notABackup = error { return true }
                return false
            }
        }
        for length in Array(stride(from: 0, to: whole.count, by: 4099)) + [whole.count - 1, whole.count - 1024] {
            #expect(try refuses(whole.prefix(length)), "\(length) bytes")
        }
        for place in stride(from: 0, to: whole.count, by: 3001) {
            var other = whole
            other[place] ^= 0x10
            #expect(try refuses(other), "byte \(place)")
        }
        #expect(try refuses(whole + [0]))
        #expect(try contents(backup.stateDirectory) == before)
        #expect(try names(in: authority.directory.path) == ["authority", "backup.tar", "broken.tar"])
    }

    @Test func anAuthorityIsNotReplacedUnasked() async throws {
        let authority = try await TestAuthority()
        try await authority.stop()
        let backup = backup(of: authority.directory)
        let saved = try write(backup, in: authority.directory)
        let before = try contents(backup.stateDirectory)
        #expect(throws: BackupError.occupied(path: backup.stateDirectory)) {
            try restore(saved, to: backup, replacing: false)
        }
        let foreign = try TrustDomain("other.example")
        #expect(throws: BackupError.foreign(trustDomain, own: foreign)) {
            try restore(
                saved, to: AuthorityBackup(stateDirectory: backup.stateDirectory, of: foreign, keyIsKept: false))
        }
        #expect(try contents(backup.stateDirectory) == before)
        let aside = "\(backup.stateDirectory).replaced-\(Self.madeAt + 500)"
        #expect(try restore(saved, to: backup) == RestoredAuthority(madeAt: Self.madeAt, replaced: aside))
        #expect(try contents(aside) == before)
        #expect(
            try names(in: authority.directory.path) == [
                "authority", "authority.replaced-\(Self.madeAt + 500)", "backup.tar",
            ])
    }

    /// Once more within the same second, after the first has given out numbers.
    @Test func whatIsRestoredTwiceGoesBeyondTheFirst() async throws {
        let authority = try await TestAuthority { $0.autoRegistration = AutoRegistration(scope: .allNodes) }
        let saved = try write(backup(of: authority.directory), in: authority.directory)
        try await authority.stop()
        var numbers: [NumericIdentity] = []
        var revisions: [UInt64] = []
        for turn in 0..<3 {
            try restore(saved, to: backup(of: authority.directory), after: 500 + Int64(turn))
            let again = try await TestAuthority(in: authority.directory, clock: authority.clock) {
                $0.autoRegistration = AutoRegistration(scope: .allNodes)
            }
            let node = try await TestNode.joined("node-\(turn)", to: again)
            for pod in 0..<20 { numbers.append(try await node.service.issue(late("\(turn)-\(pod)")).identity) }
            try await eventually("a directory") { await node.service.currentDirectory?.workloads.count == 20 }
            revisions.append(try #require(await node.service.currentDirectory?.revision))
            await node.stop()
            try await again.stop()
        }
        #expect(Set(numbers).count == 60 && numbers == numbers.sorted() && revisions == revisions.sorted())
    }

    /// Without its keys it is one for an authority that has the CA's elsewhere; no other could go on with it.
    @Test func keysThatAreElsewhereAreNotMissed() async throws {
        let authority = try await TestAuthority()
        try await authority.stop()
        let state = authority.directory.path + "/authority"
        #expect(throws: BackupError.keysAreHere(path: state)) {
            try write(backup(of: authority.directory), in: authority.directory, withKeys: false)
        }
        try FileManager.default.moveItem(atPath: state + "/ca.key", toPath: authority.directory.path + "/ca-key")
        let kept = backup(of: authority.directory, keyIsKept: true)
        let saved = try write(kept, in: authority.directory, withKeys: false)
        #expect(try !Command.run("tar", "-tf", saved).contains(".key"))
        let elsewhere = try TemporaryDirectory()
        #expect(throws: BackupError.self) { try restore(saved, to: backup(of: elsewhere)) }
        #expect(try names(in: elsewhere.path).isEmpty)
        try restore(saved, to: backup(of: elsewhere, keyIsKept: true))
        let again = try await TestAuthority(in: elsewhere) {
            $0.keyStore = .file(path: authority.directory.path + "/ca-key")
        }
        try await again.stop()
    }

    @Test func aFullDiskLeavesWhatIsThere() async throws {
        let disk = try SmallFileSystem(kilobytes: 65536)
        let authority = try await TestAuthority(in: disk.directory)
        try await authority.entry("/own")
        let elsewhere = try TemporaryDirectory()
        let backup = backup(of: disk.directory)
        let saved = try write(backup, in: elsewhere)
        let kept = elsewhere.path + "/kept.tar"
        try FileManager.default.moveItem(atPath: saved, toPath: kept)
        try disk.fill()
        // The daemon that runs there needs what room there is.
        #expect(throws: BackupError.self) { try write(backup, in: elsewhere) }
        #expect(try names(in: backup.stateDirectory).allSatisfy { !$0.contains(".new-") })
        try await authority.stop()
        let before = try contents(backup.stateDirectory)
        #expect(throws: BackupError.self) { try restore(kept, to: backup) }
        #expect(try contents(backup.stateDirectory) == before)
        #expect(try names(in: disk.directory.path) == ["authority", "filler"])
        try disk.makeRoom()
        #expect(try restore(kept, to: backup).replaced != nil)
        try await TestAuthority(in: disk.directory).stop()
    }
}
