internal import GRDB
internal import OpenSSLBinding
internal import PrintableText
internal import SQLiteBinding

/// Keeps a registry the same as those of the other authorities: each transaction has its place in the log before it is committed here,
/// and those of the others are made here in that order.
final class RegistryReplica: Sendable {
    let log: any SharedLog
    let foreign = ForeignChanges()
    private let schema: UInt16

    /// Transactions of others that come first, one after another.
    private static let mostTries = 64

    /// - Parameter schema: how many migrations the tables have had.
    init(log: any SharedLog, schema: UInt16) {
        self.log = log
        self.schema = schema
    }

    // MARK: Our transactions

    private enum Outcome<Value> {
        case answered(Result<Value, any Error>)
        /// Others have changed what it was about.
        case behind
        /// The log did not answer whether it took it.
        case open(id: [UInt8], Value, SharedLogError)
    }

    /// Runs one transaction on the newest state: again when others were faster. What `body` throws undoes it.
    ///
    /// - Parameter db: where no transaction has begun.
    func write<Value>(_ db: Database, _ body: (Database) throws -> Value) throws -> Value {
        for _ in 0..<Self.mostTries {
            switch try attempt(db, body) {
            case .answered(let result): return try result.get()
            case .behind: try catchUp(db)
            case .open(let id, let value, let error):
                guard try catchUp(db).contains(id) else { throw error }
                return value
            }
        }
        throw SharedLogError.contended
    }

    private func attempt<Value>(_ db: Database, _ body: (Database) throws -> Value) throws -> Outcome<Value> {
        var outcome = Outcome<Value>.behind
        try db.inTransaction(.immediate) {
            let next = try Self.applied(db) + 1
            let recorder = try unsafe ChangeRecorder(connection(db))
            let result = Result { try body(db) }
            let changes = try recorder.changes()
            guard case .success(let value) = result, !changes.isEmpty else {
                // What changes nothing counts as well only if it was decided on the newest state.
                if try log.entries(from: next).isEmpty { outcome = .answered(result) }
                return .rollback
            }
            let id = try RandomBytes.make(RegistryChange.idLength)
            let entry = try RegistryChange(schema: schema, id: id, changes: changes).encoded()
            do throws(SharedLogError) {
                guard try log.append(entry, at: next) else { return .rollback }
            } catch {
                guard case .unreachable = error else { throw error }
                outcome = .open(id: id, value, error)
                return .rollback
            }
            try Self.setApplied(next, db)
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
            let entries = try log.entries(from: Self.applied(db) + 1)
            guard !entries.isEmpty else { return made }
            var rows: [ChangeSet.Row] = []
            try db.inTransaction(.immediate) {
                for entry in entries {
                    let change = try RegistryChange(entry)
                    try apply(change, entry.number, db)
                    rows += try change.changes.rows()
                    made.insert(change.id)
                }
                return .commit
            }
            foreign.add(rows)
        }
    }

    private func apply(_ change: RegistryChange, _ number: UInt64, _ db: Database) throws {
        guard try Self.applied(db) + 1 == number else { throw SharedLogError.leftBehind }
        guard change.schema <= schema else { throw SharedLogError.newer }
        let connection = try unsafe connection(db)
        do throws(SQLiteError) {
            try unsafe change.changes.apply(to: connection)
        } catch {
            throw SharedLogError.diverged("entry \(number), \(error)")
        }
        try Self.setApplied(number, db)
    }

    private func connection(_ db: Database) throws -> OpaquePointer {
        guard let connection = unsafe db.sqliteConnection else { throw DatabaseError(resultCode: .SQLITE_MISUSE) }
        return unsafe connection
    }

    // MARK: Where it stands

    /// The number of the last entry that this registry has.
    static func applied(_ db: Database) throws -> UInt64 {
        let value = try Int64.fetchOne(db, sql: "SELECT applied FROM replica")
        guard let number = value.flatMap(UInt64.init(exactly:)) else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "where the replica stands is missing")
        }
        return number
    }

    /// What tells the registry from all others; nil when it is shared with nobody.
    static func lineage(_ db: Database) throws -> String? {
        try String.fetchOne(db, sql: "SELECT lineage FROM replica")
    }

    /// Makes it one that is shared, as the first: what is nobody's is the founder's.
    static func found(_ db: Database, by owner: String) throws {
        let lineage = try RandomBytes.make(SnapshotHead.lineageLength / 2).hexadecimal
        try db.execute(sql: "INSERT INTO replica (lineage, applied) VALUES (?, 0)", arguments: [lineage])
        for table in ["authorities", "jwt_keys"] {
            try db.execute(sql: "UPDATE \(table) SET owner = ? WHERE owner = ''", arguments: [owner])
        }
    }

    private static func setApplied(_ number: UInt64, _ db: Database) throws {
        try db.execute(sql: "UPDATE replica SET applied = ?", arguments: [Int64(number)])
    }
}
