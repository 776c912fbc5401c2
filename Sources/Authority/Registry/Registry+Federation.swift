internal import Federation
internal import GRDB
internal import Identity
internal import JOSE

/// A bundle of another trust domain, as it is held.
struct HeldBundle: Sendable {
    let bundle: ForeignBundle
    /// Seconds since 1970.
    let storedAt: Int64
}

extension Registry {
    // MARK: Relationships

    /// By name.
    func relationships() async throws(RegistryError) -> [Relationship] {
        try await read(as: RegistryError.self) { db in
            try Row.fetchAll(db, sql: "SELECT * FROM relationships ORDER BY trust_domain").map(relationship)
        }
    }

    /// What a command makes or changes.
    ///
    /// - Parameters:
    ///   - replacing: whether there has to be one, or must not.
    ///   - name: of the authority that is told; what its configuration has stays.
    func store(_ relationship: Relationship, replacing: Bool, at name: String) async throws(RelationshipError) {
        try await write(as: RelationshipError.self) { db in
            let exists = try has(relationship.trustDomain, in: "relationships", db)
            guard exists || !replacing else { throw RelationshipError.notFound(relationship.trustDomain) }
            guard !exists || replacing else { throw RelationshipError.alreadyExists(relationship.trustDomain) }
            try checkThatNoConfiguration(of: name, has: relationship.trustDomain, db)
            try put(relationship, configuredBy: "", db)
        }
    }

    private func put(_ relationship: Relationship, configuredBy name: String, _ db: Database) throws {
        let exists = try has(relationship.trustDomain, in: "relationships", db)
        let count = try Int.fetchOne(db, sql: "SELECT count(*) FROM relationships") ?? 0
        guard exists || count < Relationship.most else { throw RelationshipError.tooMany(count) }
        try db.execute(
            sql: """
                INSERT OR REPLACE INTO relationships (trust_domain, url, endpoint_id, configured_by) VALUES (?, ?, ?, ?)
                """,
            arguments: [
                relationship.trustDomain.name, relationship.url.text, relationship.profile.id?.description, name,
            ])
    }

    private func checkThatNoConfiguration(of name: String, has trustDomain: TrustDomain, _ db: Database) throws {
        let sql = "SELECT 1 FROM relationships WHERE trust_domain = ? AND configured_by = ?"
        guard try Bool.fetchOne(db, sql: sql, arguments: [trustDomain.name, name]) != true else {
            throw RelationshipError.configured(trustDomain)
        }
    }

    /// Makes those that an authority's configuration has be there as it says, also in the place of what a command made, and those go that
    /// it had and has no more. What of that was news.
    ///
    /// - Parameter name: of the authority.
    func configure(
        _ relationships: [Relationship], at name: String
    ) async throws(RelationshipError) -> (begun: [Relationship], ended: [TrustDomain]) {
        try await write(as: RelationshipError.self) { db in
            let former = try Row.fetchAll(db, sql: "SELECT * FROM relationships")
            var (begun, ended): ([Relationship], [TrustDomain]) = ([], [])
            for row in former where try row.decode(String.self, forColumn: "configured_by") == name {
                let trustDomain = try relationship(row).trustDomain
                guard !relationships.contains(where: { $0.trustDomain == trustDomain }) else { continue }
                try db.execute(
                    sql: "DELETE FROM relationships WHERE trust_domain = ?", arguments: [trustDomain.name])
                ended.append(trustDomain)
            }
            let held = try former.map { try (relationship($0), $0.decode(String.self, forColumn: "configured_by")) }
            for wanted in relationships {
                let known = held.first { $0.0.trustDomain == wanted.trustDomain }
                // One that another authority's configuration has, too, stays that one's.
                if let known, known.0 == wanted, !known.1.isEmpty { continue }
                try put(wanted, configuredBy: name, db)
                if known?.0 != wanted { begun.append(wanted) }
            }
            return (begun, ended)
        }
    }

    /// What it was.
    ///
    /// - Parameter name: of the authority that is told; what its configuration has stays.
    func deleteRelationship(
        with trustDomain: TrustDomain, at name: String
    ) async throws(RelationshipError) -> Relationship {
        try await write(as: RelationshipError.self) { db in
            try checkThatNoConfiguration(of: name, has: trustDomain, db)
            let sql = "DELETE FROM relationships WHERE trust_domain = ? RETURNING *"
            guard let row = try Row.fetchOne(db, sql: sql, arguments: [trustDomain.name]) else {
                throw RelationshipError.notFound(trustDomain)
            }
            return try relationship(row)
        }
    }

    private func relationship(_ row: Row) throws -> Relationship {
        let id = try row.decode(String?.self, forColumn: "endpoint_id").map { try SPIFFEID($0) }
        do {
            return try Relationship(
                with: TrustDomain(row.decode(String.self, forColumn: "trust_domain")), of: trustDomain,
                at: EndpointURL(row.decode(String.self, forColumn: "url")), profile: id.map { .spiffe($0) } ?? .web)
        } catch {
            throw nonsense("a relationship")
        }
    }

    // MARK: Bundles

    /// By name.
    func foreignBundles() async throws(RegistryError) -> [HeldBundle] {
        try await read(as: RegistryError.self) { db in try foreignBundles(db) }
    }

    func foreignBundles(_ db: Database) throws -> [HeldBundle] {
        try Row.fetchAll(db, sql: "SELECT * FROM foreign_bundles ORDER BY trust_domain").map(heldBundle)
    }

    /// Puts a bundle in the place of the one that is held. Whether that is another; then the directory says it.
    ///
    /// - Parameter relationship: by which it was fetched, and which must not have ended or changed since; nil for an operator's.
    func store(
        _ bundle: ForeignBundle, by relationship: Relationship?, now: Int64
    ) async throws(RelationshipError) -> Bool {
        try await write(as: RelationshipError.self) { db in
            let name = bundle.trustDomain.name
            let sql = "SELECT * FROM foreign_bundles WHERE trust_domain = ?"
            let former = try Row.fetchOne(db, sql: sql, arguments: [name]).map(heldBundle)
            if let relationship {
                try check(relationship, db)
                // Another may have been stored while this one was fetched.
                do throws(FederationError) { try bundle.checkSuccession(to: former?.bundle) } catch {
                    throw RelationshipError.federation(error)
                }
            }
            let held = former?.bundle.encoded
            let count = try Int.fetchOne(db, sql: "SELECT count(*) FROM foreign_bundles") ?? 0
            guard held != nil || count < Relationship.most else { throw RelationshipError.tooMany(count) }
            try db.execute(
                sql: "INSERT OR REPLACE INTO foreign_bundles (trust_domain, document, stored_at) VALUES (?, ?, ?)",
                arguments: [name, bundle.encoded, now])
            guard held != bundle.encoded else { return false }
            _ = try db.advance("revision")
            return true
        }
    }

    private func check(_ relationship: Relationship, _ db: Database) throws {
        let sql = "SELECT * FROM relationships WHERE trust_domain = ?"
        let row = try Row.fetchOne(db, sql: sql, arguments: [relationship.trustDomain.name])
        guard try row.map(self.relationship) == relationship else {
            throw RelationshipError.notFound(relationship.trustDomain)
        }
    }

    func deleteBundle(of trustDomain: TrustDomain) async throws(RelationshipError) {
        try await write(as: RelationshipError.self) { db in
            guard try !has(trustDomain, in: "relationships", db) else {
                throw RelationshipError.hasRelationship(trustDomain)
            }
            try db.execute(sql: "DELETE FROM foreign_bundles WHERE trust_domain = ?", arguments: [trustDomain.name])
            guard db.changesCount > 0 else { throw RelationshipError.notFound(trustDomain) }
            _ = try db.advance("revision")
        }
    }

    private func heldBundle(_ row: Row) throws -> HeldBundle {
        let text: String = try row.decode(forColumn: "document")
        guard let trustDomain = try? TrustDomain(row.decode(String.self, forColumn: "trust_domain")),
            let bundle = try? ForeignBundle(parsing: Array(text.utf8), of: trustDomain)
        else { throw nonsense("a bundle of another trust domain") }
        return HeldBundle(bundle: bundle, storedAt: try row.decode(forColumn: "stored_at"))
    }

    private func has(_ trustDomain: TrustDomain, in table: String, _ db: Database) throws -> Bool {
        let sql = "SELECT 1 FROM \(table) WHERE trust_domain = ?"
        return try Bool.fetchOne(db, sql: sql, arguments: [trustDomain.name]) ?? false
    }

    /// All that an entry federates with is known.
    func checkFederated(_ entry: RegistrationEntry, _ db: Database) throws {
        for trustDomain in entry.federatesWith
        where try !has(trustDomain, in: "relationships", db) && !has(trustDomain, in: "foreign_bundles", db) {
            throw EntryError.notFederated(trustDomain)
        }
    }
}

extension EndpointProfile {
    var id: SPIFFEID? {
        if case .spiffe(let id) = self { id } else { nil }
    }
}
