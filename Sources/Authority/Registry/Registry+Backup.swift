internal import Foundation
internal import GRDB
internal import Glibc
internal import LinuxBinding

extension Registry {
    /// What a copy leaves to the authority that goes on beside it.
    private static let spareBytes: UInt64 = 16 << 20

    /// Copies the file as it is at one moment, also while another process goes on with it. Refuses to fill the file system.
    static func copy(_ path: String, to target: String) throws(RegistryError) {
        do {
            let bytes = try PrivateFile.check(FileDescriptor(opening: path, O_RDONLY | O_NOFOLLOW), path: path)
            guard try MachineState.freeBytes(at: path) >= UInt64(bytes) + spareBytes else {
                throw RegistryError.noSpace(path: target)
            }
            // SQLite gives its journal the mode of the database.
            _ = try FileDescriptor(opening: target, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
            let source = try DatabaseQueue(path: path, configuration: readOnly)
            let copy = try DatabaseQueue(path: target)
            // All of it in one step: what is written meanwhile comes before or after.
            try source.backup(to: copy)
            try copy.close()
            try source.close()
        } catch {
            throw RegistryError(error, path: path)
        }
    }

    /// Makes a copy of a shared registry one that is shared with nobody: what one of those that shared it had is its own, and what the
    /// others had stays known. Nothing where it is shared with nobody.
    ///
    /// - Parameter fingerprint: of a CA of the one whose own it becomes.
    /// - Returns: false, and nothing was done, if no authority that shares it has that CA.
    static func separate(_ path: String, forOwnerOf fingerprint: String) throws(RegistryError) -> Bool {
        do {
            try PrivateFile.check(FileDescriptor(opening: path, O_RDWR | O_NOFOLLOW), path: path)
            let file = try DatabaseQueue(path: path)
            let isOwn = try file.write { db in
                guard try db.tableExists("replica"), try RegistryReplica.lineage(db) != nil else { return true }
                let sql = "SELECT owner FROM authorities WHERE fingerprint = ?"
                guard let owner = try String.fetchOne(db, sql: sql, arguments: [fingerprint]) else { return false }
                try RegistryReplica.leave(db, as: owner)
                return true
            }
            try file.close()
            return isOwn
        } catch {
            throw RegistryError(error, path: path)
        }
    }

    /// Where numbers stand that are never given out twice.
    struct NumbersGivenOut {
        /// By the counter's name.
        var counters: [String: Int64] = [:]
        /// By the table's.
        var rows: [String: Int64] = [:]
    }

    /// Of a registry that is about to be replaced, which may be damaged or not there: then nil.
    static func numbersGivenOut(in path: String) -> NumbersGivenOut? {
        guard (try? inspect(path)) != nil else { return nil }
        return try? DatabaseQueue(path: path, configuration: readOnly).read { db in
            var numbers = NumbersGivenOut()
            for row in try Row.fetchAll(db, sql: "SELECT name, value FROM counters WHERE name <> 'crl-issued-at'") {
                numbers.counters[try row.decode(forColumn: "name")] = try row.decode(forColumn: "value")
            }
            for row in try Row.fetchAll(db, sql: "SELECT name, seq FROM sqlite_sequence") {
                numbers.rows[try row.decode(forColumn: "name")] = try row.decode(forColumn: "seq")
            }
            return numbers
        }
    }

    /// Leaves out what may have been given out since the copy was made that this registry is: numbers, revisions and generations go on
    /// far beyond, and no token that was good then is good now, for it may have been used.
    ///
    /// The longer ago, the farther: a copy that is restored once more must leave out what was given out after it was restored first.
    ///
    /// Entries are of a later edition, so that nodes have all issued anew, as far as it still is: then this registry knows of it.
    ///
    /// - Parameters:
    ///   - seconds: since the copy was made.
    ///   - known: have been given out in any case.
    func leap(over seconds: Int64, beyond known: NumbersGivenOut? = nil) throws(RegistryError) {
        let seconds = min(max(seconds, 0), Self.longestLeap)
        try writeNow { db in
            try db.execute(
                sql: "UPDATE counters SET value = value + ? WHERE name <> 'crl-issued-at'",
                arguments: [Self.leapOfCounters + seconds * Self.countersPerSecond])
            for (name, value) in known?.counters ?? [:] {
                try db.execute(
                    sql: "UPDATE counters SET value = max(value, ?) WHERE name = ?", arguments: [value + 1, name])
            }
            try leap("identities", by: Self.leapOfIdentities + seconds * Self.identitiesPerSecond, known, db)
            try leap("nodes", by: Self.leapOfNodes + seconds, known, db)
            try db.execute(
                sql: "UPDATE entries SET edition = edition + ?", arguments: [Self.leapOfEditions + seconds])
            try db.execute(sql: "DELETE FROM tokens WHERE used_by IS NULL")
        }
    }

    private func leap(_ table: String, by count: Int64, _ known: NumbersGivenOut?, _ db: Database) throws {
        let last =
            try Int64.fetchOne(db, sql: "SELECT seq FROM sqlite_sequence WHERE name = ?", arguments: [table]) ?? 0
        let next = max(last + count, known?.rows[table] ?? 0)
        guard next < Int64(UInt32.max) else { throw RegistryError.exhausted("number in the table \(table)") }
        try db.execute(sql: "DELETE FROM sqlite_sequence WHERE name = ?", arguments: [table])
        try db.execute(sql: "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", arguments: [table, next])
    }

    /// Far more than a registry changes in a life, and small enough for the numbers of JSON.
    static let leapOfCounters: Int64 = 1 << 32
    private static let countersPerSecond: Int64 = 1 << 20
    /// Of 2³² numbers.
    static let leapOfIdentities: Int64 = 1 << 20
    private static let identitiesPerSecond: Int64 = 8
    static let leapOfNodes: Int64 = 1 << 16
    static let leapOfEditions: Int64 = 1 << 16
    /// 34 years: with more the counters would be too large for JSON.
    private static let longestLeap: Int64 = 1 << 30
}
