internal import Foundation
internal import GRDB
internal import OpenSSLBinding
internal import PrintableText
internal import SQLiteBinding
internal import Synchronization

/// Keeps a registry the same as those of the other authorities: each transaction has its place in the log before it is committed here,
/// and those of the others are made here in that order.
final class RegistryReplica: Sendable {
    let log: MonitoredLog
    let foreign = ForeignChanges()
    /// Held while a snapshot is made.
    let snapshots = Mutex(())
    private let schema: UInt16

    /// Transactions of others that come first, one after another.
    private static let mostTries = 64

    /// - Parameter schema: how many migrations the tables have had.
    init(log: any SharedLog, schema: UInt16) {
        self.log = MonitoredLog(log)
        self.schema = schema
    }

    // MARK: Our transactions

    private enum Outcome<Value> {
        case answered(Result<Value, any Error>)
        /// Others have changed what it was about.
        case behind
        /// The log did not take it, or did not say; nil for the former. An answer that was lost may have been made up for by another
        /// that is about what was taken.
        case open(id: [UInt8], Value, SharedLogError?)
    }

    /// Runs one transaction on the newest state: again when others were faster. What `body` throws undoes it.
    ///
    /// - Parameter db: where no transaction has begun.
    func write<Value>(_ db: Database, _ body: (Database) throws -> Value) throws -> Value {
        try log.check()
        for _ in 0..<Self.mostTries {
            switch try attempt(db, body) {
            case .answered(let result): return try result.get()
            case .behind: try catchUp(db)
            case .open(let id, let value, let error):
                if try catchUp(db).contains(id) { return value }
                if let error { throw error }
            }
        }
        throw SharedLogError.contended
    }

    private func attempt<Value>(_ db: Database, _ body: (Database) throws -> Value) throws -> Outcome<Value> {
        var outcome = Outcome<Value>.behind
        try db.inTransaction(.immediate) {
            let place = try Place(db)
            let recorder = try unsafe ChangeRecorder(connection(db))
            let result = Result { try body(db) }
            let changes = try recorder.changes()
            guard case .success(let value) = result, !changes.isEmpty else {
                // What changes nothing counts as well only if it was decided on the newest state.
                if try news(after: place).isEmpty { outcome = .answered(result) }
                return .rollback
            }
            let id = try RandomBytes.make(RegistryChange.idLength)
            let change = RegistryChange(schema: schema, id: id, after: place.last, changes: changes)
            let entry = try change.encoded()
            outcome = .open(id: id, value, nil)
            do throws(SharedLogError) {
                guard try log.append(entry, at: place.applied + 1) else { return .rollback }
            } catch {
                outcome = .open(id: id, value, error)
                return .rollback
            }
            try Place(applied: place.applied + 1, last: id).store(db)
            outcome = .answered(.success(value))
            return .commit
        }
        return outcome
    }

    // MARK: Those of the others

    /// Makes the transactions that the log has and this registry has not. Returns what tells them from others.
    ///
    /// - Parameter db: where no transaction has begun.
    @discardableResult
    func catchUp(_ db: Database) throws -> Set<[UInt8]> {
        var made: Set<[UInt8]> = []
        while true {
            let entries = try news(after: Place(db))
            guard !entries.isEmpty else {
                reached.withLock { $0 = .now }
                return made
            }
            var rows: [ChangeSet.Row] = []
            try db.inTransaction(.immediate) {
                for entry in entries {
                    let change = try RegistryChange(entry)
                    rows += try apply(change, entry.number, db)
                    made.insert(change.id)
                }
                return .commit
            }
            foreign.add(rows)
        }
    }

    /// The entries after a place that the log knows as well.
    private func news(after place: Place) throws(SharedLogError) -> ArraySlice<LogEntry> {
        let entries = try log.entries(from: place.applied)
        guard let own = entries.first else { throw .forgotten }
        try place.check(own)
        return entries.dropFirst()
    }

    private func apply(_ change: RegistryChange, _ number: UInt64, _ db: Database) throws -> [ChangeSet.Row] {
        let place = try Place(db)
        guard place.applied + 1 == number, change.previous == place.last else {
            throw SharedLogError.diverged("entry \(number) does not follow what is here")
        }
        guard change.schema <= schema else { throw SharedLogError.newer }
        let connection = try unsafe connection(db)
        let rows: [ChangeSet.Row]
        do throws(SQLiteError) {
            rows = try change.changes.rows()
            try unsafe change.changes.apply(to: connection)
        } catch {
            throw SharedLogError.diverged("entry \(number), \(error)")
        }
        // SQLite passes over what is of no table, or of one with more columns than here.
        for row in Set(rows.map { TableShape(table: $0.table, columns: $0.columns) }) {
            guard try db.columns(in: row.table).count >= row.columns else { throw SharedLogError.newer }
        }
        try Place(applied: number, last: change.id).store(db)
        return rows
    }

    private struct TableShape: Hashable {
        let table: String
        let columns: Int
    }

    // MARK: How new it is

    /// When this registry was last known to have all that the log has.
    private let reached = Mutex(ContinuousClock.Instant?.none)

    func isKnownToBeNew(within age: Duration) -> Bool {
        reached.withLock { $0 }.map { .now - $0 <= age } ?? false
    }

    private func connection(_ db: Database) throws -> OpaquePointer {
        guard let connection = unsafe db.sqliteConnection else { throw DatabaseError(resultCode: .SQLITE_MISUSE) }
        return unsafe connection
    }

    // MARK: Where it stands

    /// What tells the registry from all others; nil when it is shared with nobody.
    static func lineage(_ db: Database) throws -> String? {
        try String.fetchOne(db, sql: "SELECT lineage FROM replica")
    }

    /// Makes it one that is shared, as the first: what is nobody's is the founder's.
    static func found(_ db: Database, by owner: String) throws {
        let lineage = try RandomBytes.make(SnapshotHead.lineageLength / 2).hexadecimal
        try db.execute(
            sql: "INSERT INTO replica (lineage, applied, last) VALUES (?, 0, ?)",
            arguments: [lineage, Data(RegistryChange.none)])
        try hand(db, what: "", to: owner)
    }

    /// Makes it one that is shared with nobody: what is the owner's is nobody's, and what others have stays known.
    static func leave(_ db: Database, as owner: String) throws {
        try hand(db, what: owner, to: "")
        try db.execute(sql: "DELETE FROM replica")
    }

    private static func hand(_ db: Database, what former: String, to owner: String) throws {
        for table in ["authorities", "jwt_keys", "upstream_jwt_keys", "upstream_roots"] {
            try db.execute(sql: "UPDATE \(table) SET owner = ? WHERE owner = ?", arguments: [owner, former])
        }
    }
}

/// Where in the log a registry stands.
struct Place {
    /// The number of the last entry that it has, 0 for none.
    let applied: UInt64
    /// What tells that from all others.
    let last: [UInt8]
}

extension Place {
    init(_ db: Database) throws {
        guard let row = try Row.fetchOne(db, sql: "SELECT applied, last FROM replica"),
            let applied = UInt64(exactly: try row.decode(Int64.self, forColumn: "applied"))
        else { throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "where the replica stands is missing") }
        self.applied = applied
        last = Array(try row.decode(Data.self, forColumn: "last"))
    }

    /// That the log's entry of this number is the one that is here.
    func check(_ entry: LogEntry) throws(SharedLogError) {
        guard applied > 0 else { return }
        guard try RegistryChange(entry).id == last else { throw .diverged("entry \(applied) is another") }
    }

    fileprivate func store(_ db: Database) throws {
        try db.execute(sql: "UPDATE replica SET applied = ?, last = ?", arguments: [Int64(applied), Data(last)])
    }
}
