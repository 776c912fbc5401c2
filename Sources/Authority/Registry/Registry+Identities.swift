internal import AuthorityAPI
internal import GRDB
internal import Identity

extension Registry {
    /// What it took to find a number.
    struct Allotment: Sendable, Equatable {
        let number: NumericIdentity
        /// Whether the directory has to say something new.
        let changesDirectory: Bool
    }

    /// The number of a SPIFFE ID with these labels: always the same, and never one that stood for anything else. `until`,
    /// in seconds since 1970, is when the SVID that is about to carry it ends.
    func number(
        for id: SPIFFEID, labels: PolicyLabels, until: Int64, now: Int64
    ) async throws(RegistryError) -> Allotment {
        let id = id.description
        let labels = labels.canonical
        let held = try await read(as: RegistryError.self) { try Held.find(id, labels, $0) }
        if let held, held.until >= until {
            return Allotment(number: try identity(held.number), changesDirectory: false)
        }
        let (number, isNew) = try await write(as: RegistryError.self) { db in
            let held = try Held.find(id, labels, db)
            let number = try held?.number ?? insert(id, labels, db)
            // In whole hours, so that it is not written for every SVID.
            try db.execute(
                sql: "UPDATE identities SET in_use_until = max(in_use_until, ?) WHERE number = ?",
                arguments: [(until / 3600 + 1) * 3600, number])
            let isNew = held.map { $0.until <= now } ?? true
            if isNew {
                try checkRoom(now: now, db)
                _ = try db.advance("revision")
            }
            return (number, isNew)
        }
        return Allotment(number: try identity(number), changesDirectory: isNew)
    }

    private func insert(_ id: String, _ labels: String, _ db: Database) throws -> Int64 {
        let sql = """
            INSERT INTO identities (spiffe_id, labels, in_use_until, bytes)
            SELECT spiffe_id, labels, 0, \(RegistrySchema.identityBytes) FROM (SELECT ? AS spiffe_id, ? AS labels)
            """
        try db.execute(sql: sql, arguments: [id, labels])
        return db.lastInsertedRowID
    }

    private func identity(_ number: Int64) throws(RegistryError) -> NumericIdentity {
        guard let value = UInt32(exactly: number) else { throw .exhausted("numeric identity") }
        return NumericIdentity(rawValue: value)
    }

    private struct Held: Sendable {
        let number: Int64
        let until: Int64

        static func find(_ id: String, _ labels: String, _ db: Database) throws -> Held? {
            let sql = "SELECT number, in_use_until FROM identities WHERE spiffe_id = ? AND labels = ?"
            guard let row = try Row.fetchOne(db, sql: sql, arguments: [id, labels]) else { return nil }
            return Held(
                number: try row.decode(forColumn: "number"), until: try row.decode(forColumn: "in_use_until"))
        }
    }
}
