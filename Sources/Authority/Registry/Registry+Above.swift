internal import Foundation
internal import GRDB
internal import Identity
internal import Issuance
internal import JOSE
internal import OpenSSLBinding

/// Whom the authority above says that the trust domain trusts. Of authorities that share the registry each may be below another.
extension Registry {
    /// A root above, and whose authority above has named it.
    struct RootAbove: Sendable, Equatable {
        let certificate: Certificate
        let owner: String
    }

    func rootsAbove(_ db: Database) throws -> [RootAbove] {
        try Row.fetchAll(db, sql: "SELECT * FROM upstream_roots ORDER BY owner, fingerprint").map { row in
            let der = Array(try row.decode(Data.self, forColumn: "certificate"))
            guard let certificate = try? Certificate(der: der) else { throw nonsense("a root") }
            return RootAbove(certificate: certificate, owner: try row.decode(forColumn: "owner"))
        }
    }

    /// In the place of those that were named here before.
    func replaceRootsAbove(by roots: [Certificate], _ db: Database) throws {
        try db.execute(sql: "DELETE FROM upstream_roots WHERE owner = ?", arguments: [owner])
        for root in roots {
            try db.execute(
                sql: "INSERT INTO upstream_roots (fingerprint, owner, certificate) VALUES (?, ?, ?)",
                arguments: [root.fingerprint, owner, Data(root.der)])
        }
    }

    /// Whom another authority was told to trust, which tells no more what those above take out.
    func forgetAbove(_ other: String, _ db: Database) throws {
        try db.execute(sql: "DELETE FROM upstream_roots WHERE owner = ?", arguments: [other])
        try db.execute(sql: "DELETE FROM upstream_jwt_keys WHERE owner = ?", arguments: [other])
        if db.changesCount > 0 { _ = try db.advance("jwt-bundle") }
    }

    // MARK: Keys for JWT-SVIDs

    static let mostKeysAbove = 32

    /// Takes keys of the trust domain that the authority above tells, in the place of those that it told before: without our own, which come
    /// back from there, and those of ours that were revoked. Those that are here do not go by our clock, and those that have ended by it do
    /// not come. Whether there is something new.
    func take(keysAbove told: [PublishedKey], now: Int64) async throws(RegistryError) -> Bool {
        // Mostly nothing is new, and what authorities share is not asked then.
        let isNew = try await read(as: RegistryError.self) { db in try news(told, now: now, db) != nil }
        guard isNew else { return false }
        return try await write(as: RegistryError.self) { db in
            guard let wanted = try news(told, now: now, db) else { return false }
            try db.execute(sql: "DELETE FROM upstream_jwt_keys WHERE owner = ?", arguments: [owner])
            for key in wanted {
                try db.execute(
                    sql: """
                        INSERT INTO upstream_jwt_keys (key_id, owner, public_key, not_after, tainted) VALUES (?, ?, ?, ?, ?)
                        """,
                    arguments: [
                        key.authority.keyID, owner, Data(key.authority.key.subjectPublicKeyInfo), key.notAfter,
                        key.authority.isTainted,
                    ])
            }
            try keysChanged(db)
            return true
        }
    }

    /// Takes out those that are over, whoever was told of them: he may be away. Whether there were any.
    func drop(keysAbove over: Set<String>, now: Int64) async throws(RegistryError) -> Bool {
        guard !over.isEmpty else { return false }
        return try await write(as: RegistryError.self) { db in
            try db.execute(
                sql: """
                    DELETE FROM upstream_jwt_keys
                    WHERE key_id IN (SELECT value FROM json_each(?)) AND not_after <> 0 AND not_after <= ?
                    """,
                arguments: [RowText.list(over.sorted()), now])
            guard db.changesCount > 0 else { return false }
            try keysChanged(db)
            return true
        }
    }

    /// What is to be in the table, if that is not there.
    private func news(_ told: [PublishedKey], now: Int64, _ db: Database) throws -> [PublishedKey]? {
        let sql = "SELECT * FROM upstream_jwt_keys WHERE owner = ? ORDER BY key_id"
        let held = try Row.fetchAll(db, sql: sql, arguments: [owner]).map(publishedKey)
        let wanted = try usable(told.filter { $0.end > now || held.contains($0) }, db)
        return wanted == held ? nil : wanted
    }

    /// Of too many those that end last.
    private func usable(_ told: [PublishedKey], _ db: Database) throws -> [PublishedKey] {
        let foreign = try told.filter { try !isKnown($0.authority, in: ["jwt_keys", "former_jwt_keys"], db) }
        let longest = foreign.sorted { ($0.end, $1.authority.keyID) > ($1.end, $0.authority.keyID) }
        return longest.prefix(Self.mostKeysAbove).sorted { $0.authority.keyID.isBefore($1.authority.keyID) }
    }

    private func publishedKey(_ row: Row) throws -> PublishedKey {
        var authority = try foreignKey(row)
        authority.isTainted = try row.decode(forColumn: "tainted")
        return PublishedKey(authority: authority, notAfter: try row.decode(forColumn: "not_after"))
    }

    /// Those that have not been there under their IDs before.
    func keysAbove(beside others: [JWTAuthority], _ db: Database) throws -> [JWTAuthority] {
        var keys: [JWTAuthority] = []
        for row in try Row.fetchAll(db, sql: "SELECT * FROM upstream_jwt_keys ORDER BY key_id, owner") {
            let key = try publishedKey(row).authority
            if !(others + keys).contains(where: { $0.keyID == key.keyID }) { keys.append(key) }
        }
        return keys
    }

    /// Our own, and when they end: those that somebody may hold a token of, now or later.
    func ownPublishedKeys(now: Int64) async throws(RegistryError) -> [PublishedKey] {
        try await read(as: RegistryError.self) { db in
            let sql = "SELECT * FROM jwt_keys WHERE owner = ? AND not_after > ? AND NOT tainted ORDER BY prepared_at"
            return try Row.fetchAll(db, sql: sql, arguments: [owner, now]).map(publishedKey)
        }
    }
}

extension PublishedKey {
    /// Seconds since 1970; the last moment of one that has no end.
    fileprivate var end: Int64 { notAfter == 0 ? .max : notAfter }
}

extension String {
    /// In the order that SQLite has, byte by byte.
    fileprivate func isBefore(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }
}
