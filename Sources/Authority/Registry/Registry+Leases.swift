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
        _ node: NodeNumber, endpoint: NodeEndpoint, leases asked: Set<IPPrefix>, inside leasable: [IPPrefix] = []
    ) async throws(CallRefusal) -> ReportOutcome {
        try await write(as: CallRefusal.self) { db in
            let rows = try leaseRows(db)
            guard try !isLeased(endpoint.address, toAnotherThan: node, rows, db) else {
                throw CallRefusal.malformed("the address \(endpoint.address) is leased to another node's pods")
            }
            let addresses = try nodes(db).filter { $0.number != node }.map(\.endpoint.address) + [endpoint.address]
            let leases = asked.filter(LeaseRule(inside: leasable, nodes: addresses).allows)
            let held = Set(rows.filter { $0.node == node }.map(\.prefix))
            let moved = try update(endpoint, of: node, db)
            for prefix in held.subtracting(leases) { try delete(prefix, of: node, db) }
            var takenOver: [Takeover] = []
            for prefix in leases.subtracting(held).sorted(by: IPPrefix.textOrder) {
                if let from = try holder(of: prefix, db) { takenOver.append(Takeover(prefix: prefix, from: from)) }
                try insert(prefix, of: node, db)
            }
            let changed = moved || held != leases
            let revision = try changed ? db.advance("revision") : revision(db)
            return ReportOutcome(
                revision: revision, changesDirectory: changed, takenOver: takenOver,
                refused: Array(asked.subtracting(leases)))
        }
    }

    /// Whether pods of another node that is welcome may have this address. Banned nodes' leases count for nothing.
    func isLeased(
        _ address: IPAddress, toAnotherThan node: NodeNumber?, _ rows: [Directory.Lease], _ db: Database
    ) throws -> Bool {
        let covering = rows.filter { $0.node != node && $0.prefix.contains(address) }
        guard !covering.isEmpty else { return false }
        let banned = try Set(nodes(db).filter(\.isBanned).map(\.number))
        return !covering.allSatisfy { banned.contains($0.node) }
    }

    func leaseRows(_ db: Database) throws -> [Directory.Lease] {
        try Row.fetchAll(db, sql: "SELECT * FROM leases ORDER BY generation").map { row in
            guard let address = IPAddress(bytes: try row.decode(Data.self, forColumn: "address")),
                let prefix = IPPrefix(address, length: try row.decode(forColumn: "length"))
            else { throw nonsense("a lease") }
            return Directory.Lease(
                prefix: prefix, node: NodeNumber(rawValue: try row.decode(forColumn: "node")),
                generation: try row.decode(forColumn: "generation"))
        }
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

    private func holder(of prefix: IPPrefix, _ db: Database) throws -> NodeNumber? {
        let sql = "SELECT node FROM leases WHERE address = ? AND length = ? ORDER BY generation DESC LIMIT 1"
        return try UInt32.fetchOne(db, sql: sql, arguments: [Data(prefix.address.packed), prefix.length])
            .map(NodeNumber.init)
    }

    private func insert(_ prefix: IPPrefix, of node: NodeNumber, _ db: Database) throws {
        let generation = try Int64(db.advance("generation"))
        try db.execute(
            sql: "INSERT INTO leases (address, length, node, generation) VALUES (?, ?, ?, ?)",
            arguments: [Data(prefix.address.packed), prefix.length, node.rawValue, generation])
    }

    private func delete(_ prefix: IPPrefix, of node: NodeNumber, _ db: Database) throws {
        try db.execute(
            sql: "DELETE FROM leases WHERE address = ? AND length = ? AND node = ?",
            arguments: [Data(prefix.address.packed), prefix.length, node.rawValue])
    }
}

extension IPPrefix {
    fileprivate static func textOrder(_ a: IPPrefix, _ b: IPPrefix) -> Bool { a.description < b.description }
}
