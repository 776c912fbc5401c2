internal import GRDB
internal import Identity

extension Registry {
    /// Takes back what the subject names: its certificates that have not ended, which are answered, and the right to others.
    /// A dry run changes nothing.
    func revoke(
        _ subject: RevocationSubject, _ reason: RevocationReason, by user: UInt32, now: Int64, dryRun: Bool
    ) async throws(RevocationError) -> [CertificateRecord] {
        guard !dryRun else {
            return try await read(as: RevocationError.self) { db in try concerned(by: subject, now: now, db) }
        }
        return try await write(as: RevocationError.self) { db in
            let concerned = try concerned(by: subject, now: now, db)
            switch subject {
            case .serial: break
            case .node(let name): _ = try ban(node: name, db)
            case .spiffeID, .entry:
                try db.execute(
                    sql: "INSERT OR REPLACE INTO revocations VALUES (?, ?, ?, ?, ?)",
                    arguments: [subject.kind, subject.name, reason.rawValue, user, now])
            }
            try takeBack(subject, reason, now: now, db)
            return concerned
        }
    }

    /// Its certificates are on the next list: those that last longest, where there is not room for all. That a name gives nothing any
    /// more, or a node is out, must not wait for room: a node could make itself impossible to ban.
    func takeBack(_ subject: RevocationSubject, _ reason: RevocationReason, now: Int64, _ db: Database) throws {
        try forgetEnded("1", now: now, db)
        let held = try Int.fetchOne(db, sql: "SELECT count(*) FROM certificates WHERE revoked_at IS NOT NULL") ?? 0
        let sql = """
            UPDATE certificates SET revoked_at = ?, reason = ? WHERE serial IN (
                SELECT serial FROM certificates WHERE revoked_at IS NULL AND \(subject.condition)
                ORDER BY not_after DESC LIMIT ?)
            """
        let room = max(limits.revocations - held, 0)
        try db.execute(sql: sql, arguments: [now, reason.rawValue, subject.name, room])
        if case .serial = subject, db.changesCount == 0, room == 0 {
            throw RegistryError.directoryFull(
                DirectoryShortage("revoked certificates", held, of: limits.revocations))
        }
        try advanceList(now: now, db)
    }

    private func concerned(
        by subject: RevocationSubject, now: Int64, _ db: Database
    ) throws -> [CertificateRecord] {
        let sql = "SELECT * FROM certificates WHERE not_after > ? AND \(subject.condition) ORDER BY serial"
        let found = try Row.fetchAll(db, sql: sql, arguments: [now, subject.name]).map(certificate)
        guard try !found.isEmpty || exists(subject, db) else { throw RevocationError.notFound(subject) }
        return found.filter { $0.revokedAt == nil }
    }

    /// A name may be revoked before anybody has it.
    private func exists(_ subject: RevocationSubject, _ db: Database) throws -> Bool {
        let sql: String
        switch subject {
        case .spiffeID: return true
        case .serial: return false
        case .entry: sql = "SELECT 1 FROM entries WHERE id = ?"
        case .node: sql = "SELECT 1 FROM nodes WHERE name = ?"
        }
        return try Bool.fetchOne(db, sql: sql, arguments: [subject.name]) ?? false
    }

    /// Lets be issued again what the subject names; what was taken back stays so.
    func lift(_ subject: RevocationSubject) async throws(RevocationError) -> Revocation {
        try await write(as: RevocationError.self) { db in
            let sql = "DELETE FROM revocations WHERE kind = ? AND name = ? RETURNING *"
            guard let row = try Row.fetchOne(db, sql: sql, arguments: [subject.kind, subject.name]) else {
                throw RevocationError.notFound(subject)
            }
            return try revocation(row)
        }
    }

    /// What is not issued, and the revoked certificates that have not ended.
    func revocations(
        now: Int64
    ) async throws(RegistryError) -> (revocations: [Revocation], certificates: [CertificateRecord]) {
        try await read(as: RegistryError.self) { db in
            let sql = "SELECT * FROM certificates WHERE revoked_at IS NOT NULL AND not_after > ? ORDER BY serial"
            return (
                try Row.fetchAll(db, sql: "SELECT * FROM revocations ORDER BY revoked_at, kind, name").map(revocation),
                try Row.fetchAll(db, sql: sql, arguments: [now]).map(certificate)
            )
        }
    }

    func isRevoked(_ id: SPIFFEID, entry: String?) async throws(RegistryError) -> Bool {
        try await read(as: RegistryError.self) { try isRevoked(id, entry: entry, $0) }
    }

    func isRevoked(_ id: SPIFFEID, entry: String?, _ db: Database) throws -> Bool {
        let sql = """
            SELECT 1 FROM revocations
            WHERE (kind = 'spiffe-id' AND name = ?) OR (kind = 'entry' AND name = ?) LIMIT 1
            """
        return try Bool.fetchOne(db.cachedStatement(sql: sql), arguments: [id.description, entry ?? ""]) ?? false
    }

    private func revocation(_ row: Row) throws -> Revocation {
        guard let reason = RevocationReason(rawValue: try row.decode(forColumn: "reason")) else {
            throw nonsense("a revocation")
        }
        return Revocation(
            kind: try row.decode(forColumn: "kind"), name: try row.decode(forColumn: "name"), reason: reason,
            user: try row.decode(forColumn: "user"), revokedAt: try row.decode(forColumn: "revoked_at"))
    }

    private func certificate(_ row: Row) throws -> CertificateRecord {
        CertificateRecord(
            serial: try row.decode(forColumn: "serial"), spiffeID: try row.decode(forColumn: "spiffe_id"),
            node: try row.decode(forColumn: "node"), entry: try row.decode(forColumn: "entry"),
            notAfter: try row.decode(forColumn: "not_after"), revokedAt: try row.decode(forColumn: "revoked_at"))
    }
}

extension RevocationSubject {
    /// Of the certificates that it concerns, with its name as the argument.
    fileprivate var condition: String {
        switch self {
        case .spiffeID: "spiffe_id = ?"
        case .serial: "serial = ?"
        case .entry: "entry = ?"
        case .node: "node = (SELECT number FROM nodes WHERE name = ?)"
        }
    }
}
