internal import Foundation
internal import GRDB
internal import LinuxBinding

/// Brings the file of a registry that is shared to where it can follow the others, before it is opened.
struct RegistryOrigin {
    let path: String
    let log: any SharedLog

    /// What a file says of itself.
    private struct Local {
        let lineage: String
        let place: Place
    }

    /// Takes over what the others share, where there is no file or it is too far behind; makes sure that a file is theirs; nothing
    /// where nobody shares anything yet.
    func prepare() throws {
        let local = try FileManager.default.fileExists(atPath: path) ? inspect() : nil
        guard let newest = try log.newestSnapshot() else {
            // What was shared once and is shared no more is not shared anew by chance; but a begin that was interrupted goes on.
            guard local == nil || local?.place.applied == 0 else { throw SharedLogError.forgotten }
            return
        }
        guard FileManager.default.fileExists(atPath: path) else { return try install(newest) }
        guard let local, local.lineage == newest.lineage else { throw SharedLogError.stranger(path: path) }
        if try isLeftBehind(at: local.place, newest) { try install(newest) }
    }

    /// Whether the log knows the last entry that a file has no more. A snapshot stands for it then.
    private func isLeftBehind(at place: Place, _ newest: SnapshotHead) throws(SharedLogError) -> Bool {
        do throws(SharedLogError) {
            guard let entry = try log.entries(from: place.applied).first else { throw .forgotten }
            try place.check(entry)
            return false
        } catch {
            guard error == .leftBehind else { throw error }
            guard place.applied < newest.number else { throw .forgotten }
            return true
        }
    }

    /// Nil for a registry that was never shared.
    private func inspect() throws -> Local? {
        try PrivateFile.check(FileDescriptor(opening: path, O_RDWR | O_NOFOLLOW), path: path)
        return try DatabaseQueue(path: path, configuration: Registry.readOnly).read { db in
            guard try db.tableExists("replica"),
                let lineage = try RegistryReplica.lineage(db)
            else { return nil }
            return Local(lineage: lineage, place: try Place(db))
        }
    }

    /// Whole or not at all.
    private func install(_ head: SnapshotHead) throws {
        let bytes = try log.snapshot(head)
        guard head.fits(bytes) else { throw SharedLogError.nonsense("a snapshot that is not the one it says") }
        let aside = path + ".installing"
        defer { try? FileManager.default.removeItem(atPath: aside) }
        try AtomicFile.write(bytes, to: aside, mode: 0o600)
        let held = try DatabaseQueue(path: aside, configuration: Registry.readOnly).read { db in
            (try RegistryReplica.lineage(db), try Place(db).applied)
        }
        guard held.0 == head.lineage, held.1 == head.number else {
            throw SharedLogError.nonsense("a snapshot that is not the one it says")
        }
        // All of the old file is in one, so that it is whole until the new one takes its name.
        if FileManager.default.fileExists(atPath: path) {
            try DatabaseQueue(path: path).writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
        }
        for beside in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + beside) }
        try AtomicFile.write(bytes, to: path, mode: 0o600)
    }
}
