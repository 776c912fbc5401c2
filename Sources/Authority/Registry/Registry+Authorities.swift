internal import Foundation
internal import GRDB
internal import Identity
internal import Issuance
internal import OpenSSLBinding
internal import PrintableText

/// A CA as the registry remembers it. Its key is elsewhere.
struct AuthorityRow: Sendable {
    /// The CA's certificate, then those above it; one alone for a root.
    let chain: [Certificate]
    var state: KeySchedule.Key.State
    var isTainted = false
    /// Seconds since 1970.
    let preparedAt: Int64
    /// Name of the authority that has its key; empty where the registry is shared with nobody.
    var owner = ""
}

/// A step in the life of a CA.
enum AuthorityStep: Sendable {
    case add(AuthorityRow)
    /// By the fingerprint of its certificate. The one before it retires.
    case activate(String)
    case taint(String)
    /// It has ended.
    case remove(String)
    /// It is taken out before its end.
    case revoke(String)
    /// These are the roots that the authority above names.
    case trustAbove([Certificate])
}

/// The revocation lists that other authorities signed.
struct StoredLists: Sendable {
    struct List: Sendable {
        let issuer: Certificate
        let der: [UInt8]
    }

    /// Grows with every list of anybody.
    let edition: UInt64
    let lists: [List]
}

/// All CAs of one moment.
struct AuthorityRows: Sendable {
    /// Grows with every step.
    let edition: UInt64
    /// Oldest first.
    let rows: [AuthorityRow]
    /// Those that authorities above name: some are above none of ours, not yet or no more.
    var rootsAbove: [Registry.RootAbove] = []

    func of(_ owner: String) -> [AuthorityRow] { rows.filter { $0.owner == owner } }
}

extension Registry {
    /// On the thread of whoever calls: without them there is nothing to go on with.
    func authoritiesNow() throws(RegistryError) -> AuthorityRows {
        try readNow { db in try authorities(db) }
    }

    func authorities() async throws(RegistryError) -> AuthorityRows {
        try await read(as: RegistryError.self) { db in try authorities(db) }
    }

    /// Takes down the CA that was there before there could be several, or that of an authority that joins others: these are told.
    func adoptNow(_ row: AuthorityRow) throws(RegistryError) -> AuthorityRows {
        try writeNow { db in
            try insert(row, db)
            if replica != nil {
                _ = try db.advance("authorities")
                _ = try db.advance("revision")
            }
            return try authorities(db)
        }
    }

    /// As many as a bundle has room for.
    private static let mostAuthorities = 16

    // MARK: Lists

    /// The lists that others sign, newest known of each CA.
    func foreignLists(_ db: Database) throws -> StoredLists {
        let sql = """
            SELECT chain, list FROM revocation_lists JOIN authorities ON fingerprint = authority WHERE owner <> ?
            """
        let value = try Int64.fetchOne(db, sql: "SELECT value FROM counters WHERE name = 'lists'")
        guard let edition = value.flatMap(UInt64.init(exactly:)) else { throw nonsense("an edition of lists") }
        let lists = try Row.fetchAll(db, sql: sql, arguments: [owner]).map { row in
            let chain = try? Certificate.parsePEMChain(try row.decode(String.self, forColumn: "chain"))
            guard let issuer = chain?.first else { throw nonsense("a CA") }
            return StoredLists.List(issuer: issuer, der: Array(try row.decode(Data.self, forColumn: "list")))
        }
        return StoredLists(edition: edition, lists: lists)
    }

    /// Leaves lists for the others. Nothing where there are none.
    func store(_ lists: [RevocationList]) async throws(RegistryError) {
        guard replica != nil else { return }
        for list in lists {
            let (authority, number) = (list.authority.fingerprint, Int64(clamping: list.number))
            // The one before and this one are too much at once.
            try await write(as: RegistryError.self) { db in
                try db.execute(
                    sql: "DELETE FROM revocation_lists WHERE authority = ? AND number < ?",
                    arguments: [authority, number])
            }
            try await write(as: RegistryError.self) { db in
                try db.execute(
                    sql: "INSERT OR IGNORE INTO revocation_lists VALUES (?, ?, ?)",
                    arguments: [authority, number, Data(list.der)])
                guard db.changesCount > 0 else { return }
                _ = try db.advance("lists")
                _ = try db.advance("revision")
            }
        }
    }

    /// Performs steps, and answers what there is then. The directory says it next.
    func perform(_ steps: [AuthorityStep]) async throws(RegistryError) -> AuthorityRows {
        try await write(as: RegistryError.self) { db in try perform(steps, db) }
    }

    /// The same on the thread of whoever calls.
    func performNow(_ steps: [AuthorityStep]) throws(RegistryError) -> AuthorityRows {
        try writeNow { db in try perform(steps, db) }
    }

    private func perform(_ steps: [AuthorityStep], _ db: Database) throws -> AuthorityRows {
        for step in steps { try perform(step, db) }
        _ = try db.advance("authorities")
        _ = try db.advance("revision")
        return try authorities(db)
    }

    private func perform(_ step: AuthorityStep, _ db: Database) throws {
        switch step {
        case .add(let row): try insert(row, db)
        case .activate(let fingerprint):
            try db.execute(
                sql: "UPDATE authorities SET state = 'retired' WHERE state = 'active' AND owner = ?", arguments: [owner]
            )
            try db.execute(
                sql: "UPDATE authorities SET state = 'active' WHERE fingerprint = ?", arguments: [fingerprint])
        case .taint(let fingerprint):
            try db.execute(sql: "UPDATE authorities SET tainted = 1 WHERE fingerprint = ?", arguments: [fingerprint])
        case .remove(let fingerprint): try remove(fingerprint, db)
        case .revoke(let fingerprint):
            try dropTrust(becauseOf: fingerprint, db)
            try remove(fingerprint, db)
            try db.execute(sql: "INSERT OR IGNORE INTO former_authorities VALUES (?)", arguments: [fingerprint])
        case .trustAbove(let roots): try replaceRootsAbove(by: roots, db)
        }
    }

    private func remove(_ fingerprint: String, _ db: Database) throws {
        let other = try otherOwner(of: fingerprint, db)
        try db.execute(sql: "DELETE FROM authorities WHERE fingerprint = ?", arguments: [fingerprint])
        try db.execute(sql: "DELETE FROM revocation_lists WHERE authority = ?", arguments: [fingerprint])
        guard let other else { return }
        let left = try Bool.fetchOne(db, sql: "SELECT 1 FROM authorities WHERE owner = ?", arguments: [other])
        if left != true { try forgetAbove(other, db) }
    }

    /// Nil for a CA of ours.
    private func otherOwner(of fingerprint: String, _ db: Database) throws -> String? {
        let sql = "SELECT owner FROM authorities WHERE fingerprint = ? AND owner <> ?"
        return try String.fetchOne(db, sql: sql, arguments: [fingerprint, owner])
    }

    /// Who takes out another's CA has nobody trust its tokens, either, nor those whom that one was told to trust.
    private func dropTrust(becauseOf fingerprint: String, _ db: Database) throws {
        guard let other = try otherOwner(of: fingerprint, db) else { return }
        try revokeJWTKeys("owner = ?", [other], db)
        if db.changesCount > 0 { _ = try db.advance("jwt-bundle") }
        try forgetAbove(other, db)
    }

    private func insert(_ row: AuthorityRow, _ db: Database) throws {
        let former = "SELECT 1 FROM former_authorities WHERE fingerprint = ?"
        let isFormer = try Bool.fetchOne(db, sql: former, arguments: [row.chain[0].fingerprint]) ?? false
        guard !isFormer else { throw RegistryError.takenOut(row.chain[0].fingerprint) }
        let count = try Int.fetchOne(db, sql: "SELECT count(*) FROM authorities") ?? 0
        guard count < Self.mostAuthorities else { throw RegistryError.exhausted("place for a CA") }
        let pem = try row.chain.map { try $0.pem }.joined()
        try db.execute(
            sql: """
                INSERT INTO authorities (fingerprint, chain, state, tainted, prepared_at, owner) VALUES (?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                row.chain[0].fingerprint, pem, row.state.rawValue, row.isTainted, row.preparedAt, owner,
            ])
    }

    private func authorities(_ db: Database) throws -> AuthorityRows {
        let sql = "SELECT * FROM authorities ORDER BY prepared_at, rowid"
        return AuthorityRows(
            edition: try authoritiesEdition(db), rows: try Row.fetchAll(db, sql: sql).map(authority),
            rootsAbove: try rootsAbove(db))
    }

    func authoritiesEdition(_ db: Database) throws -> UInt64 {
        let value = try Int64.fetchOne(db, sql: "SELECT value FROM counters WHERE name = 'authorities'")
        guard let edition = value.flatMap(UInt64.init(exactly:)) else { throw nonsense("an edition of the CAs") }
        return edition
    }

    private func authority(_ row: Row) throws -> AuthorityRow {
        let chain = try? Certificate.parsePEMChain(try row.decode(String.self, forColumn: "chain"))
        guard let chain, let first = chain.first,
            first.fingerprint == (try row.decode(String.self, forColumn: "fingerprint")),
            let state = KeySchedule.Key.State(rawValue: try row.decode(forColumn: "state"))
        else { throw nonsense("a CA") }
        return AuthorityRow(
            chain: chain, state: state, isTainted: try row.decode(forColumn: "tainted"),
            preparedAt: try row.decode(forColumn: "prepared_at"), owner: try row.decode(forColumn: "owner"))
    }

    // MARK: What they issued

    /// How many SVIDs of each CA have not ended, and were not replaced before `moment`: of each SPIFFE ID, node, entry and pod the
    /// newest of all, and the newest of those that had been issued then. Each that is bound to
    /// no node counts by itself: nobody replaces it. CAs by fingerprint, times in seconds since 1970.
    func certificatesInUse(now: Int64, replacedBefore moment: Int64) async throws(RegistryError) -> [String: Int] {
        try await read(as: RegistryError.self) { db in
            // Not by their ends: what is below the same authority may end with it.
            let newest = """
                SELECT spiffe_id, node, entry, pod, minted, issuer FROM (
                    SELECT spiffe_id, node, entry, pod, iif(node = 0, serial, '') AS minted, issuer, row_number() OVER (
                        PARTITION BY spiffe_id, node, entry, pod, iif(node = 0, serial, '')
                        ORDER BY issued_at DESC, not_after DESC, serial) AS place
                    FROM certificates WHERE revoked_at IS NULL AND not_after > ? AND issued_at <= ?
                ) WHERE place = 1
                """
            let sql = """
                SELECT issuer, count(*) AS count FROM (
                    \(newest) UNION \(newest)
                ) GROUP BY issuer
                """
            let rows = try Row.fetchAll(db, sql: sql, arguments: [now, Int64.max, now, moment])
            return try Dictionary(
                uniqueKeysWithValues: rows.map { try ($0.decode(forColumn: "issuer"), $0.decode(forColumn: "count")) })
        }
    }
}

extension Certificate {
    /// SHA-256, lower-case hexadecimal.
    var fingerprint: String { sha256.hexadecimal }
}
