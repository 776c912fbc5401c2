import AuthorityAPI
import Foundation
import GRDB
import Identity
import Issuance
import KernelTestSupport
import LinuxBinding
import Testing

@testable import Authority

@Suite struct RegistryFileTests {
    @Test func isPrivateAndSurvivesReopening() async throws {
        let fixture = try TestRegistry()
        try await fixture.node("a")
        #expect(try mode(fixture.registry.path) == 0o600)
        #expect(try mode(fixture.registry.path + "-wal") == 0o600)
        #expect(try await fixture.reopened().nodes().map(\.name) == ["a"])
    }

    @Test func aFileThatIsNoDatabaseIsNamed() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/authority.sqlite"
        try Data("This is not a database, whatever its name says. ".utf8 + [UInt8](repeating: 7, count: 8192))
            .write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        #expect { try Registry(path: path, trustDomain: trustDomain) } throws: { error in
            guard case .corrupt(path, _) = error as? RegistryError else { return false }
            return true
        }
    }

    @Test func aDamagedPageIsFoundAtOpening() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/authority.sqlite"
        do {
            let registry = try Registry(path: path, trustDomain: trustDomain)
            for index in 0..<200 {
                let entry = NewEntry(spiffeID: try id("/w/\(index)"), selectors: [.podName("pod-\(index)")])
                try await registry.create(entry.checked(in: trustDomain, id: "\(index)", now: start))
            }
        }
        var bytes = try Data(contentsOf: URL(filePath: path))
        bytes.replaceSubrange(4096..<bytes.count, with: [UInt8](repeating: 0x5a, count: bytes.count - 4096))
        try bytes.write(to: URL(filePath: path))
        #expect { try Registry(path: path, trustDomain: trustDomain) } throws: { error in
            guard case .corrupt(path, _) = error as? RegistryError else { return false }
            return true
        }
    }

    /// Neither at opening nor when `psid doctor --pre` asks; and nothing in it is changed.
    @Test func tablesOfANewerVersionAreRefused() async throws {
        let fixture = try TestRegistry()
        let path = fixture.registry.path
        try Registry.inspect(path)
        try await DatabaseQueue(path: path).write { db in
            try db.execute(sql: "INSERT INTO grdb_migrations VALUES ('99: what is not known yet')")
        }
        let refusal = RegistryError.newer(path: path, version: "99: what is not known yet")
        #expect(throws: refusal) { try fixture.reopened() }
        #expect(throws: refusal) { try Registry.inspect(path) }
        let versions = try await DatabaseQueue(path: path).read { try RegistrySchema.migrator.appliedIdentifiers($0) }
        #expect(versions == Set(RegistrySchema.migrator.migrations + ["99: what is not known yet"]))
    }

    /// Who may write to it decides who gets which identity.
    @Test(arguments: [0o644, 0o640, 0o620, 0o666]) func refusesAFileThatOthersCanTouch(mode: Int) throws {
        let fixture = try TestRegistry()
        let path = fixture.registry.path
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        #expect(throws: RegistryError.notPrivate(.open(path: path, mode: UInt32(0o100000 | mode)))) {
            try fixture.reopened()
        }
    }

    @Test func aFullDiskIsNamedAndTakesNothingBack() async throws {
        let disk = try SmallFileSystem(kilobytes: 1024)
        let registry = try Registry(path: disk.directory.path + "/authority.sqlite", trustDomain: trustDomain)
        let kept = try JoinToken.generate()
        try await registry.add(kept, node: nil, expiresAt: start + 60, now: start)
        try disk.fill()
        let lost = try JoinToken.generate()
        await #expect(throws: RegistryError.noSpace(path: registry.path)) {
            // The journal has some room of its own.
            for _ in 0..<500 { try await registry.add(JoinToken.generate(), node: nil, expiresAt: start, now: start) }
            try await registry.add(lost, node: nil, expiresAt: start + 60, now: start)
        }
        await #expect(throws: JoinRefusal.unknownToken) { try await registry.checkToken(lost, now: start) }
        try await registry.checkToken(kept, now: start)
        try disk.makeRoom()
        try await registry.add(lost, node: nil, expiresAt: start + 60, now: start)
        try await registry.checkToken(lost, now: start)
    }

    /// SQLite alone would end the process by a signal where blocks are smaller than pages.
    @Test func aFullDiskIsNamedAtOpening() throws {
        let disk = try SmallFileSystem(kilobytes: 1024)
        let path = disk.directory.path + "/authority.sqlite"
        _ = try Registry(path: path, trustDomain: trustDomain)
        try disk.fill()
        #expect(throws: RegistryError.noSpace(path: path)) { try Registry(path: path, trustDomain: trustDomain) }
        try disk.makeRoom()
        #expect(throws: Never.self) { try Registry(path: path, trustDomain: trustDomain) }
    }

    @Test func aFileInUseIsNamed() throws {
        let fixture = try TestRegistry()
        let program = """
            import sqlite3, sys
            db = sqlite3.connect(sys.argv[1], isolation_level=None)
            db.execute("BEGIN EXCLUSIVE")
            print("held", flush=True)
            sys.stdin.read()
            """
        let (input, output) = (Pipe(), Pipe())
        let holder = try RunningProgram(
            ["python3", "-c", program, fixture.registry.path], input: input.fileHandleForReading,
            output: output.fileHandleForWriting)
        defer { holder.end() }
        #expect(try output.fileHandleForReading.read(upToCount: 4) == Data("held".utf8))
        #expect(throws: RegistryError.locked(path: fixture.registry.path)) { try fixture.reopened() }
    }

    @Test func aDirectoryInItsPlaceIsAnError() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/authority.sqlite"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        #expect(throws: RegistryError.self) { try Registry(path: path, trustDomain: trustDomain) }
    }

    @Test func aReadOnlyFileSystemIsNamed() throws {
        let directory = try TemporaryDirectory()
        try Command.run("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", directory.path)
        defer { _ = try? Command.run("umount", directory.path) }
        let path = directory.path + "/authority.sqlite"
        _ = try Registry(path: path, trustDomain: trustDomain)
        try Command.run("mount", "-o", "remount,ro", directory.path)
        #expect(throws: RegistryError.readOnly(path: path)) { try Registry(path: path, trustDomain: trustDomain) }
    }

    private func mode(_ path: String) throws -> Int {
        try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    /// Authorities that share a registry migrate at different times, and of what a migration does to rows the others hear nothing.
    @Test func sinceRegistriesAreSharedNoMigrationChangesRows() throws {
        let file = try DatabaseQueue()
        try RegistrySchema.migrator.migrate(file, upTo: "12: replicas")
        let tables = try file.write { db in
            let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            let tables = try String.fetchAll(db, sql: sql).filter { $0 != "grdb_migrations" }
            try db.execute(sql: "PRAGMA ignore_check_constraints = ON")
            for table in tables { try fill(table, db) }
            return try tables.map { table in (table, try db.columns(in: table).map(\.name).joined(separator: ", ")) }
        }
        let rows = {
            try file.read { db in
                try tables.map { table, columns in
                    try Row.fetchAll(db, sql: "SELECT \(columns) FROM \(table) ORDER BY 1").map(\.description)
                }
            }
        }
        let before = try rows()
        #expect(before.count > 10 && before.allSatisfy { !$0.isEmpty })
        try RegistrySchema.migrator.migrate(file)
        #expect(try rows() == before)
    }

    /// A row of something, unless there is one that is in its way.
    private func fill(_ table: String, _ db: Database) throws {
        let columns = try db.columns(in: table)
        let values = columns.map { ["INTEGER": "1", "BLOB": "x'01'"][$0.type] ?? "'x'" }
        try db.execute(
            sql: """
                INSERT OR IGNORE INTO \(table) (\(columns.map(\.name).joined(separator: ", ")))
                VALUES (\(values.joined(separator: ", ")))
                """)
    }
}

@Suite struct AuthorityFilesTests {
    @Test func makesAKeyThatOnlyItsOwnerReads() throws {
        let directory = try TemporaryDirectory()
        let files = AuthorityFiles(directory: directory.path + "/state")
        let made = try files.certificateAuthority(for: trustDomain, now: start)
        let attributes = try FileManager.default.attributesOfItem(atPath: files.key)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        let loaded = try files.certificateAuthority(for: trustDomain, now: start)
        #expect(loaded.certificate == made.certificate)
        #expect(try FileManager.default.contentsOfDirectory(atPath: files.directory).sorted() == ["ca.key", "ca.pem"])
    }

    @Test(arguments: [0o640, 0o604, 0o644, 0o620, 0o602, 0o660])
    func refusesAKeyThatOthersCanTouch(mode: Int) throws {
        let (directory, files) = try made()
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: files.key)
        #expect(throws: AuthorityError.keyFile(.open(path: files.key, mode: UInt32(0o100000 | mode)))) {
            try files.certificateAuthority(for: trustDomain, now: start)
        }
        _ = directory
    }

    @Test func refusesAKeyOfAnotherUser() throws {
        let (directory, files) = try made()
        try FileManager.default.setAttributes([.ownerAccountID: 4711], ofItemAtPath: files.key)
        #expect(throws: AuthorityError.keyFile(.foreignOwner(path: files.key, owner: 4711))) {
            try files.certificateAuthority(for: trustDomain, now: start)
        }
        _ = directory
    }

    @Test func refusesALinkInPlaceOfTheKey() throws {
        let (directory, files) = try made()
        try FileManager.default.moveItem(atPath: files.key, toPath: directory.path + "/elsewhere")
        try FileManager.default.createSymbolicLink(
            atPath: files.key, withDestinationPath: directory.path + "/elsewhere")
        #expect(throws: AuthorityError.self) { try files.certificateAuthority(for: trustDomain, now: start) }
    }

    @Test func refusesADirectoryThatOthersCanWrite() throws {
        let (directory, files) = try made()
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: files.directory)
        #expect(throws: AuthorityError.self) { try files.certificateAuthority(for: trustDomain, now: start) }
        _ = directory
    }

    @Test(arguments: [
        // what is there, whether a CA may be made
        (["ca.pem"], true),
        (["ca.key"], false),
        (["ca.pem", "authority.sqlite"], false),
        (["ca.key", "authority.sqlite"], false),
        (["authority.sqlite"], false),
    ])
    func neverReplacesWhatWasInUse(present: [String], mayCreate: Bool) throws {
        let (directory, files) = try made()
        for name in ["ca.pem", "ca.key"] where !present.contains(name) {
            try FileManager.default.removeItem(atPath: files.directory + "/" + name)
        }
        if present.contains("authority.sqlite") {
            try Data().write(to: URL(filePath: files.registry))
        }
        let result = Result { try files.certificateAuthority(for: trustDomain, now: start) }
        #expect(((try? result.get()) != nil) == mayCreate)
        _ = directory
    }

    @Test func refusesTheKeyOfAnotherAuthority() throws {
        let (one, files) = try made()
        let (other, otherFiles) = try made()
        try FileManager.default.removeItem(atPath: files.key)
        try FileManager.default.copyItem(atPath: otherFiles.key, toPath: files.key)
        #expect(throws: AuthorityError.self) { try files.certificateAuthority(for: trustDomain, now: start) }
        _ = (one, other)
    }

    @Test func takesAwayWhatAKilledWriterLeft() throws {
        let (directory, files) = try made()
        let leftover = files.key + ".new-1"
        try Data("half a key".utf8).write(to: URL(filePath: leftover))
        _ = try files.certificateAuthority(for: trustDomain, now: start)
        #expect(!FileManager.default.fileExists(atPath: leftover))
        _ = directory
    }

    @Test func readsAKeyThatSomebodyElseKeeps() throws {
        let (directory, files) = try made()
        let before = try files.certificateAuthority(for: trustDomain, now: start)
        let kept = try handOver(files, to: directory.path + "/ca-key")
        #expect(try kept.certificateAuthority(for: trustDomain, now: start).certificate == before.certificate)
        #expect(try FileManager.default.contentsOfDirectory(atPath: files.directory) == ["ca.pem"])
    }

    @Test func makesNoKeyInPlaceOfOneThatSomebodyElseKeeps() throws {
        let directory = try TemporaryDirectory()
        let files = AuthorityFiles(
            directory: directory.path + "/state", keyStore: .file(path: directory.path + "/ca-key"))
        #expect(throws: AuthorityError.self) { try files.certificateAuthority(for: trustDomain, now: start) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: files.directory).isEmpty)
    }

    @Test func refusesAKeyBesideTheOneThatSomebodyElseKeeps() throws {
        let (directory, files) = try made()
        let kept = try handOver(files, to: directory.path + "/ca-key")
        try FileManager.default.copyItem(atPath: directory.path + "/ca-key", toPath: files.key)
        #expect(throws: AuthorityError.keyInTwoPlaces(path: files.key)) {
            try kept.certificateAuthority(for: trustDomain, now: start)
        }
    }

    private func handOver(_ files: AuthorityFiles, to path: String) throws -> AuthorityFiles {
        try FileManager.default.moveItem(atPath: files.key, toPath: path)
        return AuthorityFiles(directory: files.directory, keyStore: .file(path: path))
    }

    private func made() throws -> (TemporaryDirectory, AuthorityFiles) {
        let directory = try TemporaryDirectory()
        let files = AuthorityFiles(directory: directory.path + "/state")
        _ = try files.certificateAuthority(for: trustDomain, now: start)
        return (directory, files)
    }
}
