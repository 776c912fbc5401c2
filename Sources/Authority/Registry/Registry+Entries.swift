internal import AuthorityAPI
internal import Foundation
internal import GRDB
internal import Identity

extension Registry {
    func create(_ entry: RegistrationEntry) async throws(EntryError) {
        try await write(as: EntryError.self) { db in
            try checkUnique(entry, db)
            try checkFederated(entry, db)
            try db.execute(
                sql: """
                    INSERT INTO entries (spiffe_id, parent, namespace, service_account, selectors, labels,
                        dns_names, lifetime, hint, federates_with, downstream, jwt_lifetime, id, created_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """, arguments: columns(of: entry) + [entry.id, entry.createdAt])
            try checkRoomForEntries(db)
        }
    }

    /// Puts an entry in the place of the one with its ID, and tells what is there now: it keeps when it was created.
    func update(_ entry: RegistrationEntry) async throws(EntryError) -> RegistrationEntry {
        try await write(as: EntryError.self) { db in
            try checkUnique(entry, db)
            try checkFederated(entry, db)
            let before = try entryExtent(db).entryBytes
            let sql = """
                UPDATE entries SET spiffe_id = ?, parent = ?, namespace = ?, service_account = ?, selectors = ?, labels = ?,
                    dns_names = ?, lifetime = ?, hint = ?, federates_with = ?, downstream = ?, jwt_lifetime = ?,
                    edition = edition + 1
                WHERE id = ? RETURNING *
                """
            guard let row = try Row.fetchOne(db, sql: sql, arguments: columns(of: entry) + [entry.id]) else {
                throw EntryError.notFound(entry: entry.id)
            }
            if try entryExtent(db).entryBytes > before { try checkRoomForEntries(db) }
            return try self.entry(row)
        }
    }

    private func checkUnique(_ entry: RegistrationEntry, _ db: Database) throws {
        let sql = "SELECT id FROM entries WHERE spiffe_id = ? AND parent = ? AND selectors = ? AND id <> ?"
        let same = try String.fetchOne(
            db, sql: sql,
            arguments: [
                entry.spiffeID.description, entry.parent?.description ?? "", selectors(of: entry), entry.id,
            ])
        if let same { throw EntryError.duplicate(entry: same) }
    }

    /// In the order in which both statements have them.
    private func columns(of entry: RegistrationEntry) -> StatementArguments {
        [
            entry.spiffeID.description, entry.parent?.description ?? "", entry.namespace, entry.serviceAccount,
            selectors(of: entry), entry.labels.canonical, RowText.list(entry.dnsNames),
            entry.lifetime?.components.seconds, entry.hint, RowText.list(entry.federatesWith.map(\.name)),
            entry.isDownstream, entry.jwtLifetime?.components.seconds,
        ]
    }

    private func selectors(of entry: RegistrationEntry) -> String {
        RowText.list(entry.selectors.map(\.description))
    }

    /// All entries, oldest first.
    func entries() async throws(RegistryError) -> [RegistrationEntry] {
        try await read(as: RegistryError.self) { db in
            try Row.fetchAll(db, sql: "SELECT * FROM entries ORDER BY created_at, id").map(entry)
        }
    }

    /// The entries of one node and those of any, oldest first; without those that are revoked, or whose name is.
    ///
    /// - Parameter ids: of those that are asked for; nil for all.
    func entries(on node: SPIFFEID, only ids: [String]? = nil) async throws(RegistryError) -> [RegistrationEntry] {
        try await read(as: RegistryError.self) { db in
            let sql = """
                SELECT * FROM entries WHERE parent IN ('', ?) \(ids == nil ? "" : "AND id IN (SELECT value FROM json_each(?))")
                    AND NOT EXISTS (
                        SELECT 1 FROM revocations
                        WHERE (kind = 'entry' AND name = entries.id) OR (kind = 'spiffe-id' AND name = entries.spiffe_id))
                ORDER BY created_at, id
                """
            let arguments = [node.description] + (ids.map { [RowText.list($0)] } ?? [])
            return try Row.fetchAll(db, sql: sql, arguments: StatementArguments(arguments)).map(entry)
        }
    }

    /// The entries that a revocation of the subject keeps from being issued.
    func entries(of subject: RevocationSubject) async throws(RegistryError) -> [RegistrationEntry] {
        let condition: String
        switch subject {
        case .serial, .node: return []
        case .entry: condition = "id = ?"
        case .spiffeID: condition = "spiffe_id = ?"
        }
        return try await read(as: RegistryError.self) { db in
            try Row.fetchAll(db, sql: "SELECT * FROM entries WHERE \(condition)", arguments: [subject.name]).map(entry)
        }
    }

    /// One of them.
    func entry(id: String, on node: SPIFFEID) async throws(RegistryError) -> RegistrationEntry? {
        try await read(as: RegistryError.self) { db in
            let sql = "SELECT * FROM entries WHERE id = ? AND parent IN ('', ?)"
            return try Row.fetchOne(db, sql: sql, arguments: [id, node.description]).map(entry)
        }
    }

    /// The entry by which an SVID was issued, if that is good and the entry says that its holder may have a CA of its own; see below.
    func downstreamEntry(of svid: ShownSVID) async throws(RegistryError) -> RegistrationEntry? {
        try await read(as: RegistryError.self) { try downstreamEntry(of: svid, $0) }
    }

    /// Neither the SVID nor entry nor name may be revoked. One that is not of this registry has no entry: whoever has a CA below ours
    /// can give an SVID any name, and any serial that he has seen.
    func downstreamEntry(of svid: ShownSVID, _ db: Database) throws -> RegistrationEntry? {
        let sql = """
            SELECT entries.* FROM certificates JOIN entries ON entries.id = certificates.entry
            WHERE certificates.serial = ? AND certificates.spiffe_id = ? AND certificates.revoked_at IS NULL
                AND certificates.issuer IN (SELECT value FROM json_each(?))
                AND entries.downstream AND entries.spiffe_id = certificates.spiffe_id
            """
        let row = try Row.fetchOne(
            db, sql: sql, arguments: [svid.serial, svid.id.description, RowText.list(svid.issuers)])
        guard let entry = try row.map(entry), try !isRevoked(svid.id, entry: entry.id, db) else { return nil }
        return entry
    }

    /// Deletes an entry, and that it was revoked, and tells what it was. Numbers that it led to stay given away.
    func deleteEntry(_ id: String) async throws(EntryError) -> RegistrationEntry {
        try await write(as: EntryError.self) { db in
            let sql = "DELETE FROM entries WHERE id = ? RETURNING *"
            guard let row = try Row.fetchOne(db, sql: sql, arguments: [id]) else {
                throw EntryError.notFound(entry: id)
            }
            try db.execute(sql: "DELETE FROM revocations WHERE kind = 'entry' AND name = ?", arguments: [id])
            return try entry(row)
        }
    }

    /// The entry that decides for a pod on a node, if any does.
    func entry(for pod: PodFacts, on node: SPIFFEID) async throws(RegistryError) -> RegistrationEntry? {
        try await read(as: RegistryError.self) { db in
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT * FROM entries WHERE parent IN ('', ?) AND (namespace IS NULL OR namespace = ?)
                        AND (service_account IS NULL OR service_account = ?)
                    """,
                arguments: [node.description, pod.namespace, pod.serviceAccount])
            return RegistrationEntry.deciding(try rows.map(entry), for: pod, on: node)
        }
    }

    private func entry(_ row: Row) throws -> RegistrationEntry {
        let id: String = try row.decode(forColumn: "id")
        let parent: String = try row.decode(forColumn: "parent")
        let selectors = try RowText.list(row.decode(String.self, forColumn: "selectors"))?.map(Selector.init)
        let labels = PolicyLabels(canonical: try row.decode(forColumn: "labels"))
        guard let spiffeID = try? SPIFFEID(row.decode(String.self, forColumn: "spiffe_id")),
            spiffeID.kind == .workload, spiffeID.trustDomain == trustDomain,
            let selectors, !selectors.isEmpty, !selectors.contains(nil), let labels,
            let dnsNames = RowText.list(try row.decode(String.self, forColumn: "dns_names")),
            let foreign = RowText.list(try row.decode(String.self, forColumn: "federates_with"))
        else { throw nonsense("an entry \(id)") }
        return RegistrationEntry(
            id: id, spiffeID: spiffeID, parent: parent.isEmpty ? nil : try SPIFFEID(parent),
            selectors: selectors.compactMap(\.self), labels: labels, dnsNames: dnsNames,
            lifetime: try row.decode(Int64?.self, forColumn: "lifetime").map { .seconds($0) },
            jwtLifetime: try row.decode(Int64?.self, forColumn: "jwt_lifetime").map { .seconds($0) },
            hint: try row.decode(forColumn: "hint"), federatesWith: try foreign.map { try TrustDomain($0) },
            isDownstream: try row.decode(Bool.self, forColumn: "downstream"),
            createdAt: try row.decode(forColumn: "created_at"),
            edition: UInt64(try row.decode(UInt32.self, forColumn: "edition")))
    }
}

extension RegistrationEntry {
    fileprivate var namespace: String? {
        selectors.lazy.compactMap { if case .namespace(let name) = $0 { name } else { nil } }.first
    }

    fileprivate var serviceAccount: String? {
        selectors.lazy.compactMap { if case .serviceAccount(let name) = $0 { name } else { nil } }.first
    }
}

/// Lists as JSON text in a column.
enum RowText {
    static func list(_ values: [String]) -> String {
        // An array of strings always encodes.
        String(decoding: (try? JSONEncoder().encode(values)) ?? Data("[]".utf8), as: UTF8.self)
    }

    static func list(_ text: String) -> [String]? { try? JSONDecoder().decode([String].self, from: Data(text.utf8)) }
}
