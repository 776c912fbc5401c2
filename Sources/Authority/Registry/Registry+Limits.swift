internal import GRDB
internal import Identity

extension Registry {
    func extent(now: Int64) async throws(RegistryError) -> DirectoryExtent {
        try await read(as: RegistryError.self) { try extent(now: now, $0) }
    }

    /// To be called in a transaction that has added something to the directory: what throws undoes it.
    func checkRoom(now: Int64, _ db: Database) throws { try directoryExtent(now: now, db).check(limits) }

    /// The same of entries. Nodes join and workloads live on where there are more than there should be, as from before there was a limit.
    func checkRoomForEntries(_ db: Database) throws { try entryExtent(db).check(limits) }

    private func extent(now: Int64, _ db: Database) throws -> DirectoryExtent {
        var extent = try directoryExtent(now: now, db)
        let entries = try entryExtent(db)
        (extent.entries, extent.entryBytes) = (entries.entries, entries.entryBytes)
        return extent
    }

    /// Of entries alone.
    func entryExtent(_ db: Database) throws -> DirectoryExtent {
        let sql = "SELECT (SELECT count(*) FROM entries) AS entries, (SELECT bytes FROM entry_extent) AS bytes"
        guard let row = try Row.fetchOne(db, sql: sql) else { throw nonsense("no count") }
        var extent = DirectoryExtent()
        extent.entries = try row.decode(forColumn: "entries")
        extent.entryBytes = try row.decode(forColumn: "bytes")
        return extent
    }

    /// Without entries.
    private func directoryExtent(now: Int64, _ db: Database) throws -> DirectoryExtent {
        // Counted from indexes alone: `bytes` of an identity is a column of the one that `in_use_until` begins.
        let sql = """
            SELECT (SELECT count(*) FROM nodes WHERE NOT evicted) AS nodes, (SELECT count(*) FROM leases) AS leases,
                count(*) AS workloads, ifnull(sum(bytes), 0) AS bytes
            FROM identities WHERE in_use_until > ?
            """
        guard let row = try Row.fetchOne(db, sql: sql, arguments: [now]) else { throw nonsense("no count") }
        var extent = DirectoryExtent(
            nodes: try row.decode(forColumn: "nodes"), leases: try row.decode(forColumn: "leases"),
            workloads: try row.decode(forColumn: "workloads"), bytes: try row.decode(forColumn: "bytes"),
            revision: try revision(db))
        extent.bytes += extent.nodes * nodeBytes + extent.leases * Self.leaseBytes
        return extent
    }

    /// Most bytes that a node takes in a directory: its SPIFFE ID with a name of 63 letters, number, address, two ports.
    private var nodeBytes: Int { "spiffe://\(trustDomain.name)/podshield/node/".utf8.count + 63 + 48 }

    /// The same of a lease: prefix, node, generation.
    private static let leaseBytes = 48
}
