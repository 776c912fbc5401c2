internal import Addressing
internal import AuthorityAPI
internal import Foundation
internal import GRDB
internal import Identity

extension Registry {
    /// What a node's report changed.
    struct ReportOutcome: Sendable, Equatable {
        let revision: UInt64
        let changesDirectory: Bool
        /// New leases that take a prefix over from another node, with the number of that node.
        let takenOver: [Takeover]
        /// Prefixes that no pod may have; the others are leased.
        let refused: [IPPrefix]
    }

    struct Takeover: Sendable, Equatable {
        let prefix: IPPrefix
        let from: NodeNumber
    }

    /// Replaces what a node says of itself. Leases lie inside `leasable`, if that says anything, and hold no node's address;
    /// a node's address lies in no lease of another.
    ///
    /// Generations belong to (prefix, node): what was reported before keeps its generation, so that a node which repeats
    /// itself after a reconnect does not win back an address that has since moved on.
    func report(
        _ node: NodeNumber, endpoint: NodeEndpoint, leases asked: Set<IPPrefix>, inside leasable: [IPPrefix] = [],
        now: Int64
    ) async throws(CallRefusal) -> ReportOutcome {
        try await write(as: CallRefusal.self) { db in
            guard try !isLeased(endpoint.address, toAnotherThan: node, db) else {
                throw CallRefusal.malformed("the address \(endpoint.address) is leased to another node's pods")
            }
            let others = try joinedNodes(db).filter { $0.number != node }.map(\.endpoint.address)
            let rule = LeaseRule(inside: leasable, nodes: Set(others + [endpoint.address]))
            let leases = asked.filter(rule.allows)
            let held = try Set(leaseRows(of: node, db).map(\.prefix))
            let moved = try update(endpoint, of: node, db)
            for prefix in held.subtracting(leases) { try delete(prefix, of: node, db) }
            var takenOver: [Takeover] = []
            let new = leases.subtracting(held).sorted(by: IPPrefix.textOrder)
            // Many are looked for at the lengths that there are, few at every one: to list them is to read all leases.
            let lengths = try new.count > 16 ? leasedLengths(db) : Self.allLengths
            for prefix in new {
                if let from = try holder(overlapping: prefix, among: lengths, otherThan: node, db) {
                    takenOver.append(Takeover(prefix: prefix, from: from))
                }
                try insert(prefix, of: node, db)
            }
            if leases.count > held.count { try checkRoom(now: now, db) }
            let changed = moved || held != leases
            let revision = try changed ? db.advance("revision") : revision(db)
            return ReportOutcome(
                revision: revision, changesDirectory: changed, takenOver: takenOver,
                refused: Array(asked.subtracting(leases)))
        }
    }

    /// Whether pods of another node that is welcome may have this address. Banned nodes' leases count for nothing.
    func isLeased(_ address: IPAddress, toAnotherThan node: NodeNumber?, _ db: Database) throws -> Bool {
        try holder(covering: IPPrefix(single: address), among: Self.allLengths, otherThan: node, db) != nil
    }

    func leaseRows(_ db: Database) throws -> [Directory.Lease] {
        try Row.fetchAll(db, sql: "SELECT * FROM leases ORDER BY generation").map(lease)
    }

    private func leaseRows(of node: NodeNumber, _ db: Database) throws -> [Directory.Lease] {
        let sql = "SELECT * FROM leases WHERE node = ?"
        return try Row.fetchAll(db, sql: sql, arguments: [node.rawValue]).map(lease)
    }

    private func lease(_ row: Row) throws -> Directory.Lease {
        guard let address = IPAddress(bytes: try row.decode(Data.self, forColumn: "address")),
            let prefix = IPPrefix(address, length: try row.decode(forColumn: "length"))
        else { throw nonsense("a lease") }
        return Directory.Lease(
            prefix: prefix, node: NodeNumber(rawValue: try row.decode(forColumn: "node")),
            generation: try row.decode(forColumn: "generation"))
    }

    private func update(_ endpoint: NodeEndpoint, of node: NodeNumber, _ db: Database) throws -> Bool {
        let address = Data(endpoint.address.packed)
        try db.execute(
            sql: """
                UPDATE nodes SET address = ?1, link_port = ?2, esp_port = ?3
                WHERE number = ?4 AND (address, link_port, esp_port) != (?1, ?2, ?3)
                """,
            arguments: [address, endpoint.linkPort, endpoint.espPort, node.rawValue])
        return db.changesCount > 0
    }

    /// A node other than this that has the prefix, a part of it or more than it, and is welcome.
    private func holder(
        overlapping prefix: IPPrefix, among lengths: [Int], otherThan node: NodeNumber, _ db: Database
    ) throws -> NodeNumber? {
        try holder(covering: prefix, among: lengths, otherThan: node, db) ?? holder(inside: prefix, otherThan: node, db)
    }

    private static let allLengths = Array(0...128)

    private func leasedLengths(_ db: Database) throws -> [Int] {
        try Int.fetchAll(db, sql: "SELECT DISTINCT length FROM leases ORDER BY length")
    }

    /// The key of the table is (address, length, node), and a prefix lies in no more others than it has bits.
    private func holder(
        covering prefix: IPPrefix, among lengths: [Int], otherThan node: NodeNumber?, _ db: Database
    ) throws -> NodeNumber? {
        let statement = try db.cachedStatement(
            sql: """
                SELECT node FROM leases JOIN nodes ON number = node
                WHERE leases.address = ? AND length = ? AND node IS NOT ? AND NOT banned LIMIT 1
                """)
        for length in lengths.reversed() where length <= prefix.length {
            guard let wider = IPPrefix(containing: prefix.address, length: length) else { continue }
            let found = try UInt32.fetchOne(
                statement, arguments: [Data(wider.address.packed), length, node?.rawValue])
            if let found { return NodeNumber(rawValue: found) }
        }
        return nil
    }

    private func holder(inside prefix: IPPrefix, otherThan node: NodeNumber, _ db: Database) throws -> NodeNumber? {
        let (first, last) = (Data(prefix.address.packed), Data(prefix.lastAddress.packed))
        // Blobs compare byte by byte, and those of the other family by their length last.
        let statement = try db.cachedStatement(
            sql: """
                SELECT node FROM leases JOIN nodes ON number = node
                WHERE leases.address BETWEEN ? AND ? AND length(leases.address) = ? AND node IS NOT ? AND NOT banned
                LIMIT 1
                """)
        return try UInt32.fetchOne(statement, arguments: [first, last, first.count, node.rawValue])
            .map(NodeNumber.init)
    }

    private func insert(_ prefix: IPPrefix, of node: NodeNumber, _ db: Database) throws {
        let generation = try Int64(db.advance("generation"))
        try db.cachedStatement(
            sql: "INSERT INTO leases (address, length, node, generation) VALUES (?, ?, ?, ?)"
        ).execute(arguments: [Data(prefix.address.packed), prefix.length, node.rawValue, generation])
    }

    private func delete(_ prefix: IPPrefix, of node: NodeNumber, _ db: Database) throws {
        try db.cachedStatement(sql: "DELETE FROM leases WHERE address = ? AND length = ? AND node = ?")
            .execute(arguments: [Data(prefix.address.packed), prefix.length, node.rawValue])
    }
}

extension IPPrefix {
    fileprivate static func textOrder(_ a: IPPrefix, _ b: IPPrefix) -> Bool { a.description < b.description }
}
