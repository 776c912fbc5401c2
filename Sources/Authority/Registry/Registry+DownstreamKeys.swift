internal import Foundation
internal import GRDB
internal import Identity
internal import Issuance
internal import JOSE
internal import OpenSSLBinding

/// Keys for JWT-SVIDs that authorities below this one have: each is there by the entry of who has it, and for as long as that lets him have
/// a CA.
extension Registry {
    /// Of one entry, and of all: what signs now, what signs next, and what a few restarts have left.
    static let mostDownstreamKeys = (ofEntry: 8, all: 32)

    /// Takes a key down before anybody is told of it. Whether there is something to tell: it may be there already.
    func publish(
        _ key: DownstreamKey, of entry: RegistrationEntry, askedBy svid: ShownSVID, now: Int64
    ) async throws(CallRefusal) -> Bool {
        try await write(as: CallRefusal.self) { db in
            // The entry may have changed since it was looked at.
            guard let known = try downstreamEntry(of: svid, db), known.id == entry.id else {
                throw CallRefusal.notDownstream(svid.id)
            }
            let parent = known.parent?.description ?? ""
            if try isThere(key, of: entry.id, db) {
                try db.execute(
                    sql: """
                        UPDATE downstream_jwt_keys SET not_after = ?, serial = ?, spiffe_id = ?, parent = ? WHERE key_id = ?
                        """,
                    arguments: [key.notAfter, svid.serial, svid.id.description, parent, key.authority.keyID])
                return false
            }
            try checkRoom(for: entry.id, now: now, db)
            try db.execute(
                sql: """
                    INSERT INTO downstream_jwt_keys
                        (key_id, public_key, not_after, published_at, entry, parent, spiffe_id, serial)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    key.authority.keyID, Data(key.authority.key.subjectPublicKeyInfo), key.notAfter, now, entry.id,
                    parent, svid.id.description, svid.serial,
                ])
            try keysChanged(db)
            return true
        }
    }

    /// Neither an ID nor a key stands twice: of two that stood for one key the second would stay when the first is taken out.
    private func isThere(_ key: DownstreamKey, of entry: String, _ db: Database) throws -> Bool {
        let (keyID, der) = (key.authority.keyID, Data(key.authority.key.subjectPublicKeyInfo))
        if try isKnown(key.authority, in: ["jwt_keys", "former_jwt_keys", "upstream_jwt_keys"], db) {
            throw CallRefusal.keyTaken(keyID)
        }
        let sql = """
            SELECT key_id = ? AND public_key = ? AND entry = ? FROM downstream_jwt_keys WHERE key_id = ? OR public_key = ?
            """
        let same = try Bool.fetchAll(db, sql: sql, arguments: [keyID, der, entry, keyID, der])
        guard same.allSatisfy(\.self) else { throw CallRefusal.keyTaken(keyID) }
        return !same.isEmpty
    }

    private func checkRoom(for entry: String, now: Int64, _ db: Database) throws {
        try checkRoom("entry = ?", [entry], most: Self.mostDownstreamKeys.ofEntry, now: now, db)
        try checkRoom("TRUE", [], most: Self.mostDownstreamKeys.all, now: now, db)
    }

    /// Those that ended first go when there is none: the clock may be wrong, and others be good.
    private func checkRoom(
        _ scope: String, _ arguments: StatementArguments, most: Int, now: Int64, _ db: Database
    ) throws {
        let count = "SELECT count(*) FROM downstream_jwt_keys WHERE \(scope)"
        let surplus = try (Int.fetchOne(db, sql: count, arguments: arguments) ?? 0) - most + 1
        guard surplus > 0 else { return }
        try db.execute(
            sql: """
                DELETE FROM downstream_jwt_keys WHERE key_id IN (
                    SELECT key_id FROM downstream_jwt_keys WHERE \(scope) AND not_after <= ?
                    ORDER BY not_after, key_id LIMIT ?)
                """,
            arguments: arguments + [now, surplus])
        guard db.changesCount == surplus else { throw CallRefusal.tooManyKeys }
    }

    /// Takes out those that are over, and those whose holder may have no CA any more: his entry is gone or says so no more, or of another
    /// node; it or his name or the SVID that he showed last is revoked; or his node is out. Answers their IDs.
    ///
    /// - Parameters:
    ///   - over: IDs of those that have ended for good.
    ///   - all: whatever they are; but where the registry is shared another may have taken them.
    func dropDownstreamKeys(over ended: Set<String>, now: Int64, all: Bool) async throws(RegistryError) -> [String] {
        let arguments: StatementArguments = [
            all && replica == nil, RowText.list(ended.sorted()), now, try nodePrefix(),
        ]
        let isOver = """
            ? OR (held.key_id IN (SELECT value FROM json_each(?)) AND held.not_after <= ?)
                OR NOT EXISTS (
                    SELECT 1 FROM entries WHERE entries.id = held.entry AND entries.spiffe_id = held.spiffe_id
                        AND entries.downstream AND entries.parent = held.parent)
                OR EXISTS (
                    SELECT 1 FROM nodes WHERE held.parent = (? || nodes.name) AND (banned OR evicted))
                OR EXISTS (
                    SELECT 1 FROM certificates WHERE certificates.serial = held.serial AND revoked_at IS NOT NULL)
                OR EXISTS (
                    SELECT 1 FROM revocations WHERE (kind = 'spiffe-id' AND name = held.spiffe_id)
                        OR (kind = 'entry' AND name = held.entry))
            """
        let over = "SELECT key_id FROM downstream_jwt_keys AS held WHERE \(isOver) ORDER BY key_id"
        // Mostly there are none, and what authorities share is not asked then.
        let found = try await read(as: RegistryError.self) { db in
            try String.fetchAll(db, sql: over, arguments: arguments)
        }
        guard !found.isEmpty else { return [] }
        return try await write(as: RegistryError.self) { db in
            let ended = try String.fetchAll(db, sql: over, arguments: arguments)
            guard !ended.isEmpty else { return [] }
            try db.execute(
                sql: "DELETE FROM downstream_jwt_keys WHERE key_id IN (SELECT value FROM json_each(?))",
                arguments: [RowText.list(ended)])
            try keysChanged(db)
            return ended
        }
    }

    /// What the SPIFFE IDs of nodes begin with.
    private func nodePrefix() throws(RegistryError) -> String {
        guard let id = try? ReservedNames.node("n", in: trustDomain) else { throw nonsense("a trust domain") }
        return String(id.description.dropLast())
    }

    // MARK: Reading

    /// IDs of the keys of authorities above and below that have ended by this time.
    func endedKeysOfOthers(now: Int64) async throws(RegistryError) -> [String] {
        try await read(as: RegistryError.self) { db in
            let sql = """
                SELECT key_id FROM upstream_jwt_keys WHERE not_after <> 0 AND not_after <= ?1
                UNION SELECT key_id FROM downstream_jwt_keys WHERE not_after <= ?1
                """
            return try String.fetchAll(db, sql: sql, arguments: [now])
        }
    }

    /// All keys of the trust domain, and a number that grows with every change of them.
    func publishedKeys() async throws(RegistryError) -> (keys: [PublishedKey], sequence: UInt64) {
        try await read(as: RegistryError.self) { db in
            let bundle = try jwtBundle(db)
            var ends: [String: Int64] = [:]
            for table in ["upstream_jwt_keys", "downstream_jwt_keys", "jwt_keys"] {
                for row in try Row.fetchAll(db, sql: "SELECT key_id, not_after FROM \(table)") {
                    ends[try row.decode(forColumn: "key_id")] = try row.decode(forColumn: "not_after")
                }
            }
            let keys = bundle.authorities.map { PublishedKey(authority: $0, notAfter: ends[$0.keyID] ?? 0) }
            return (keys, bundle.sequence)
        }
    }

    func downstreamKeys(_ db: Database) throws -> [JWTAuthority] {
        try Row.fetchAll(db, sql: "SELECT * FROM downstream_jwt_keys ORDER BY published_at, key_id").map(foreignKey)
    }
}
