internal import GRDB
internal import Identity

extension Registry {
    /// Remembers a token by its hash alone: who reads the file cannot join with it.
    func add(_ token: JoinToken, node: String?, expiresAt: Int64, now: Int64) async throws(RegistryError) {
        try await write(as: RegistryError.self) { db in
            let forgotten = now - Self.memoryOfTokens
            try db.execute(sql: "DELETE FROM tokens WHERE expires_at < ?", arguments: [forgotten])
            try db.execute(
                sql: "INSERT INTO tokens (hash, node_name, expires_at) VALUES (?, ?, ?)",
                arguments: [token.hash, node, expiresAt])
        }
    }

    /// Used and expired tokens are told from unknown ones for a day.
    private static var memoryOfTokens: Int64 { 86400 }

    /// Whether it is worth looking at a join with this token. What counts is looked at again in the transaction.
    func checkToken(_ token: JoinToken, now: Int64) async throws(JoinRefusal) {
        _ = try await read(as: JoinRefusal.self) { try Self.goodToken(token, now: now, $0) }
    }

    func use(up token: JoinToken, by node: NodeNumber, _ db: Database) throws {
        try db.execute(
            sql: "UPDATE tokens SET used_by = ? WHERE hash = ?", arguments: [node.rawValue, token.hash])
    }

    /// The name the token is for, nil for any. Throws for tokens that are not good.
    static func goodToken(_ token: JoinToken, now: Int64, _ db: Database) throws -> String? {
        let sql = "SELECT node_name, expires_at, used_by FROM tokens WHERE hash = ?"
        guard let row = try Row.fetchOne(db, sql: sql, arguments: [token.hash]) else { throw JoinRefusal.unknownToken }
        let usedBy: Int64? = try row.decode(forColumn: "used_by")
        guard usedBy == nil else { throw JoinRefusal.usedToken }
        guard try row.decode(Int64.self, forColumn: "expires_at") > now else { throw JoinRefusal.expiredToken }
        return try row.decode(forColumn: "node_name")
    }
}
