internal import AuthorityAPI
internal import Federation
internal import GRDB
internal import Identity
internal import JOSE

extension Registry {
    /// The directory as of one moment. Identities whose last SVID has ended are left out, banned nodes and what they lease
    /// too.
    func directory(now: Int64) async throws(RegistryError) -> Directory {
        try await read(as: RegistryError.self) { db in try directory(now: now, db) }
    }

    /// What an edition of the directory is made of.
    struct Published: Sendable {
        let directory: Directory
        let jwtBundle: JWTBundle
        /// What the next revocation lists say.
        let revoked: RevokedCertificates
        /// Of the CAs.
        let authorities: UInt64
        let foreignBundles: [BundleDocument]
        /// By other authorities that share the registry.
        let foreignLists: StoredLists
    }

    /// All of it as of one moment.
    func published(now: Int64) async throws(RegistryError) -> Published {
        try await read(as: RegistryError.self) { db in
            Published(
                directory: try directory(now: now, db), jwtBundle: try jwtBundle(db),
                revoked: try revokedCertificates(db), authorities: try authoritiesEdition(db),
                foreignBundles: try foreignBundles(db).map(\.bundle.document), foreignLists: try foreignLists(db))
        }
    }

    private func directory(now: Int64, _ db: Database) throws -> Directory {
        let nodes = try joinedNodes(db).filter { !$0.isBanned }
        let numbers = Set(nodes.map(\.number))
        return Directory(
            trustDomain: trustDomain, revision: try revision(db), nodes: nodes.map(Directory.Node.init),
            leases: try leaseRows(db).filter { numbers.contains($0.node) },
            workloads: try workloads(now: now, db))
    }

    func revision(_ db: Database) throws -> UInt64 {
        let value = try Int64.fetchOne(db, sql: "SELECT value FROM counters WHERE name = 'revision'")
        guard let value, let revision = UInt64(exactly: value) else { throw nonsense("a revision") }
        return revision
    }

    private func workloads(now: Int64, _ db: Database) throws -> [Directory.Workload] {
        let sql = "SELECT * FROM identities WHERE in_use_until > ? ORDER BY number"
        return try Row.fetchAll(db, sql: sql, arguments: [now]).map { row in
            guard let number = UInt32(exactly: try row.decode(Int64.self, forColumn: "number")),
                let id = try? SPIFFEID(row.decode(String.self, forColumn: "spiffe_id")),
                let labels = PolicyLabels(canonical: try row.decode(forColumn: "labels"))
            else { throw nonsense("an identity") }
            return Directory.Workload(
                number: NumericIdentity(rawValue: number), id: id, labels: labels.values)
        }
    }
}

extension Directory.Node {
    fileprivate init(_ record: NodeRecord) {
        self.init(
            number: record.number, id: record.id, address: record.endpoint.address,
            linkPort: record.endpoint.linkPort, espPort: record.endpoint.espPort)
    }
}
