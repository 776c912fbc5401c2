internal import Foundation
internal import GRDB
internal import Identity
internal import Issuance
internal import JOSE
internal import OpenSSLBinding

/// A key for JWT-SVIDs as the registry remembers it. Its private half is elsewhere.
struct JWTKeyRow: Sendable, Equatable {
    let key: KeySchedule.Key
    /// What it signed is to be replaced.
    let isTainted: Bool
    /// Name of the authority that has it; empty where the registry is shared with nobody.
    let owner: String
}

/// A step in the life of a key for JWT-SVIDs. Keys that are there are named by their IDs.
enum JWTKeyStep: Sendable {
    /// It is on disk already. Times in seconds since 1970.
    case add(JWTSigningKey, KeySchedule.Key.State, at: Int64)
    /// The one before it retires.
    case activate(String)
    case taint(String)
    /// It has ended.
    case remove(String)
    /// It is taken out before its end.
    case revoke(String)
}

extension Registry {
    /// All keys that sign JWT-SVIDs, or did, or will, those of other authorities too; oldest first.
    func allJWTKeys() async throws(RegistryError) -> [JWTKeyRow] {
        try await read(as: RegistryError.self) { db in try jwtKeyRows(db).map(jwtKeyRow) }
    }

    /// Those of this authority, read on the thread of whoever calls.
    func jwtKeysNow() throws(RegistryError) -> [KeySchedule.Key] {
        try readNow { db in try ownJWTKeys(db) }
    }

    /// Performs steps, all or none. Whether the directory has to say something new.
    func perform(onJWTKeys steps: [JWTKeyStep]) async throws(RegistryError) -> Bool {
        try await write(as: RegistryError.self) { db in
            var changes = false
            for step in steps { if try perform(step, db) { changes = true } }
            if changes { try keysChanged(db) }
            return changes
        }
    }

    /// What is published of keys is another, and the directory has to say so.
    func keysChanged(_ db: Database) throws {
        _ = try db.advance("jwt-bundle")
        _ = try db.advance("revision")
    }

    /// Whether a key stands there, under its ID or another.
    func isKnown(_ key: JWTAuthority, in tables: [String], _ db: Database) throws -> Bool {
        try tables.contains { table in
            try Bool.fetchOne(
                db, sql: "SELECT 1 FROM \(table) WHERE key_id = ? OR public_key = ?",
                arguments: [key.keyID, Data(key.key.subjectPublicKeyInfo)]) == true
        }
    }

    /// The public half that a row of an authority above or below has.
    func foreignKey(_ row: Row) throws -> JWTAuthority {
        let der = Array(try row.decode(Data.self, forColumn: "public_key"))
        guard let authority = JWTAuthority(keyID: try row.decode(forColumn: "key_id"), pkix: der) else {
            throw nonsense("a key for tokens")
        }
        return authority
    }

    /// Whether it changes what is published.
    private func perform(_ step: JWTKeyStep, _ db: Database) throws -> Bool {
        switch step {
        case .add(let key, let state, let moment): try insert(key, state, preparedAt: moment, db)
        case .activate(let keyID):
            try retireActive(db)
            try db.execute(
                sql: "UPDATE jwt_keys SET state = 'active' WHERE key_id = ? AND owner = ? AND state = 'prepared'",
                arguments: [keyID, owner])
            // Else nothing would sign any more.
            guard db.changesCount == 1 else { throw RegistryError.keyTakenOut(keyID) }
            return false
        case .taint(let keyID):
            try db.execute(sql: "UPDATE jwt_keys SET tainted = 1 WHERE key_id = ?", arguments: [keyID])
        case .remove(let keyID): try db.execute(sql: "DELETE FROM jwt_keys WHERE key_id = ?", arguments: [keyID])
        case .revoke(let keyID): try revokeJWTKeys("key_id = ?", [keyID], db)
        }
        return true
    }

    /// Takes keys out and remembers them, for authorities above and below may tell them still.
    func revokeJWTKeys(_ condition: String, _ arguments: StatementArguments, _ db: Database) throws {
        try db.execute(
            sql: """
                INSERT OR REPLACE INTO former_jwt_keys (key_id, public_key, not_after)
                SELECT key_id, public_key, not_after FROM jwt_keys WHERE \(condition)
                """,
            arguments: arguments)
        try db.execute(sql: "DELETE FROM jwt_keys WHERE \(condition)", arguments: arguments)
    }

    private func retireActive(_ db: Database) throws {
        try db.execute(
            sql: "UPDATE jwt_keys SET state = 'retired' WHERE state = 'active' AND owner = ?", arguments: [owner])
    }

    /// Signs with a key no more.
    func retireJWTKey(_ keyID: String) async throws(RegistryError) {
        try await write(as: RegistryError.self) { db in try set(.retired, keyID, db) }
    }

    /// The public halves, all that have not been removed; then those of authorities below and above.
    func jwtBundle(_ db: Database) throws -> JWTBundle {
        let own = try jwtKeyRows(db).map { row in
            let der = Array(try row.decode(Data.self, forColumn: "public_key"))
            guard var authority = (try? PublicKey(subjectPublicKeyInfo: der)).flatMap({ JWTAuthority($0) }),
                authority.keyID == (try row.decode(String.self, forColumn: "key_id"))
            else { throw nonsense("a key for tokens") }
            authority.isTainted = try row.decode(forColumn: "tainted")
            return authority
        }
        let below = try downstreamKeys(db).filter { key in !own.contains { $0.keyID == key.keyID } }
        let others = try below + keysAbove(beside: own + below, db)
        // Our own are never left out for them.
        let authorities = own + others.prefix(max(JWTBundle.mostAuthorities - own.count, 0))
        let sequence = try Int64.fetchOne(db, sql: "SELECT value FROM counters WHERE name = 'jwt-bundle'")
        guard let sequence = sequence.flatMap(UInt64.init(exactly:)),
            let bundle = JWTBundle(trustDomain: trustDomain, authorities: authorities, sequence: sequence)
        else { throw nonsense("keys for tokens") }
        return bundle
    }

    private func jwtKeyRows(_ db: Database) throws -> [Row] {
        try Row.fetchAll(db, sql: "SELECT * FROM jwt_keys ORDER BY prepared_at, key_id")
    }

    private func ownJWTKeys(_ db: Database) throws -> [KeySchedule.Key] {
        try jwtKeyRows(db).map(jwtKeyRow).filter { $0.owner == owner }.map(\.key)
    }

    private func jwtKeyRow(_ row: Row) throws -> JWTKeyRow {
        let state = KeySchedule.Key.State(rawValue: try row.decode(forColumn: "state"))
        guard let state else { throw nonsense("a state of a key") }
        let key = KeySchedule.Key(
            id: try row.decode(forColumn: "key_id"), state: state,
            preparedAt: try row.decode(forColumn: "prepared_at"), notAfter: try row.decode(forColumn: "not_after"))
        return JWTKeyRow(
            key: key, isTainted: try row.decode(forColumn: "tainted"), owner: try row.decode(forColumn: "owner"))
    }

    private func insert(
        _ key: JWTSigningKey, _ state: KeySchedule.Key.State, preparedAt: Int64, _ db: Database
    ) throws {
        try makeRoom(now: preparedAt, db)
        if state == .active { try retireActive(db) }
        try db.execute(
            sql: """
                INSERT INTO jwt_keys (key_id, public_key, state, prepared_at, not_after, owner) VALUES (?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                key.authority.keyID, Data(key.authority.key.subjectPublicKeyInfo), state.rawValue, preparedAt,
                key.notAfter, owner,
            ])
    }

    /// Those that ended first go when there is no place: the clock may be wrong, and others be good.
    private func makeRoom(now: Int64, _ db: Database) throws {
        let count = try Int.fetchOne(db, sql: "SELECT count(*) FROM jwt_keys") ?? 0
        let surplus = count - JWTBundle.mostAuthorities + 1
        if surplus > 0 {
            try db.execute(
                sql: """
                    DELETE FROM jwt_keys WHERE key_id IN (
                        SELECT key_id FROM jwt_keys WHERE not_after <= ? ORDER BY not_after, key_id LIMIT ?)
                    """,
                arguments: [now, surplus])
            guard db.changesCount == surplus else { throw RegistryError.exhausted("place for a key for JWT-SVIDs") }
        }
        try db.execute(
            sql: """
                DELETE FROM former_jwt_keys WHERE not_after <= ? AND key_id NOT IN (
                    SELECT key_id FROM former_jwt_keys ORDER BY not_after DESC, key_id LIMIT ?)
                """,
            arguments: [now, Self.mostFormerKeys])
    }

    /// Of the revoked ones that have ended.
    private static let mostFormerKeys = 64

    private func set(_ state: KeySchedule.Key.State, _ keyID: String, _ db: Database) throws {
        try db.execute(
            sql: "UPDATE jwt_keys SET state = ? WHERE key_id = ?", arguments: [state.rawValue, keyID])
    }
}
