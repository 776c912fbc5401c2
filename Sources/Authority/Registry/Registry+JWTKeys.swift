internal import Foundation
internal import GRDB
internal import Identity
internal import Issuance
internal import JOSE
internal import OpenSSLBinding

extension Registry {
    /// All keys of this authority that sign JWT-SVIDs, or did, or will; oldest first. Their private halves are not here.
    func jwtKeys() async throws(RegistryError) -> [KeySchedule.Key] {
        try await read(as: RegistryError.self) { db in try ownJWTKeys(db) }
    }

    /// The same on the thread of whoever calls.
    func jwtKeysNow() throws(RegistryError) -> [KeySchedule.Key] {
        try readNow { db in try ownJWTKeys(db) }
    }

    /// Performs steps of the schedule; `made` is what they made, already on disk. Whether the directory has to say something
    /// new.
    func perform(
        _ steps: [KeySchedule.Step], made: (key: JWTSigningKey, at: Int64)?
    ) async throws(RegistryError) -> Bool {
        try await write(as: RegistryError.self) { db in
            var changes = false
            for step in steps {
                switch step {
                case .make(let state):
                    guard let made else { continue }
                    try insert(made.key, state, preparedAt: made.at, db)
                    changes = true
                case .activate(let keyID):
                    try db.execute(
                        sql: "UPDATE jwt_keys SET state = 'retired' WHERE state = 'active' AND owner = ?",
                        arguments: [owner])
                    try set(.active, keyID, db)
                case .remove(let keyID):
                    try db.execute(sql: "DELETE FROM jwt_keys WHERE key_id = ?", arguments: [keyID])
                    changes = true
                }
            }
            if changes {
                _ = try db.advance("jwt-bundle")
                _ = try db.advance("revision")
            }
            return changes
        }
    }

    /// Signs with a key no more.
    func retireJWTKey(_ keyID: String) async throws(RegistryError) {
        try await write(as: RegistryError.self) { db in try set(.retired, keyID, db) }
    }

    /// The public halves, all that have not been removed.
    func jwtBundle(_ db: Database) throws -> JWTBundle {
        let authorities = try jwtKeyRows(db).map { row in
            let der = Array(try row.decode(Data.self, forColumn: "public_key"))
            guard let authority = (try? PublicKey(subjectPublicKeyInfo: der)).flatMap({ JWTAuthority($0) }),
                authority.keyID == (try row.decode(String.self, forColumn: "key_id"))
            else { throw nonsense("a key for tokens") }
            return authority
        }
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
        let rows = try jwtKeyRows(db).filter { row in try row.decode(String.self, forColumn: "owner") == owner }
        return try rows.map(jwtKey)
    }

    private func jwtKey(_ row: Row) throws -> KeySchedule.Key {
        let state = KeySchedule.Key.State(rawValue: try row.decode(forColumn: "state"))
        guard let state else { throw nonsense("a state of a key") }
        return KeySchedule.Key(
            id: try row.decode(forColumn: "key_id"), state: state,
            preparedAt: try row.decode(forColumn: "prepared_at"), notAfter: try row.decode(forColumn: "not_after"))
    }

    private func insert(
        _ key: JWTSigningKey, _ state: KeySchedule.Key.State, preparedAt: Int64, _ db: Database
    ) throws {
        try db.execute(
            sql: """
                INSERT INTO jwt_keys (key_id, public_key, state, prepared_at, not_after, owner) VALUES (?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                key.authority.keyID, Data(key.authority.key.subjectPublicKeyInfo), state.rawValue, preparedAt,
                key.notAfter, owner,
            ])
    }

    private func set(_ state: KeySchedule.Key.State, _ keyID: String, _ db: Database) throws {
        try db.execute(
            sql: "UPDATE jwt_keys SET state = ? WHERE key_id = ?", arguments: [state.rawValue, keyID])
    }
}
