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
        let applied: UInt64
    }

    /// Takes over what the others share, where there is no file or it is too far behind; makes sure that a file is theirs; nothing
    /// where nobody shares anything yet.
    func prepare() throws {
        let local = try FileManager.default.fileExists(atPath: path) ? inspect() : nil
        guard let newest = try log.newestSnapshot() else {
            // What was shared once and is shared no more is not shared anew by chance.
            guard local == nil else { throw SharedLogError.forgotten }
            return
        }
        guard FileManager.default.fileExists(atPath: path) else { return try install(newest) }
        guard let local, local.lineage == newest.lineage else { throw SharedLogError.stranger(path: path) }
        switch try place(of: local.applied, newest) {
        case .known: return
        case .left: try install(newest)
        case .unheardOf: throw SharedLogError.forgotten
        }
    }

    private enum Place { case known, left, unheardOf }

    /// What the log knows of the last entry that a file has. A snapshot may stand for it.
    private func place(of number: UInt64, _ newest: SnapshotHead) throws(SharedLogError) -> Place {
        do throws(SharedLogError) {
            let isThere = try !log.entries(from: max(number, 1)).isEmpty
            return isThere || number <= newest.number ? .known : .unheardOf
        } catch {
            guard error == .leftBehind else { throw error }
            return number < newest.number ? .left : .unheardOf
        }
    }

    /// Nil for a registry that was never shared.
    private func inspect() throws -> Local? {
        try PrivateFile.check(FileDescriptor(opening: path, O_RDWR | O_NOFOLLOW), path: path)
        return try DatabaseQueue(path: path, configuration: Registry.readOnly).read { db in
            guard try db.tableExists("replica"),
                let row = try Row.fetchOne(db, sql: "SELECT lineage, applied FROM replica"),
                let applied = UInt64(exactly: try row.decode(Int64.self, forColumn: "applied"))
            else { return nil }
            return Local(lineage: try row.decode(forColumn: "lineage"), applied: applied)
        }
    }

    /// Whole or not at all.
    private func install(_ head: SnapshotHead) throws {
        let bytes = try log.snapshot(head)
        for beside in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + beside) }
        try AtomicFile.write(bytes, to: path, mode: 0o600)
    }
}
