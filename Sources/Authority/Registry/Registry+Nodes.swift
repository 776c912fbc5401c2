internal import Addressing
internal import AuthorityAPI
internal import Foundation
internal import GRDB
internal import Identity
internal import OpenSSLBinding

extension Registry {
    /// A node that wants to join, all that is known of it checked.
    struct Joining: Sendable {
        let credential: Credential
        /// Nil to take the one that the credential says.
        let name: String?
        let endpoint: NodeEndpoint
    }

    /// By what a node joins.
    enum Credential: Sendable {
        case token(JoinToken)
        case attested(AttestedNode)
    }

    /// The name that the node would join under: with it an SVID can be made for `join`, which looks at everything again.
    func grantedName(_ joining: Joining, now: Int64) async throws(JoinRefusal) -> String {
        try await read(as: JoinRefusal.self) { try admit(joining, now: now, $0).name }
    }

    /// Uses up the token, if it is one, and records the node with its SVID, all of it or nothing: of any number of tries with
    /// one token exactly one gets through.
    ///
    /// A token that was made for a name lets that node join again and keep its number; one for any name does not open a
    /// name that is taken. Who is attested may join again and again, as long as it is the same. Who had the name before has
    /// it no more: its leases and all that was issued to it are taken back.
    func join(_ joining: Joining, with svid: X509SVID, now: Int64) async throws(JoinRefusal) -> NodeRecord {
        try await write(as: JoinRefusal.self) { db in
            let (name, former) = try admit(joining, now: now, db)
            if let former { try supersede(former, now: now, db) }
            try put(name, joining, svid, now: now, db)
            guard let node = try find(name: name, db), node.id == svid.id else { throw nonsense("a node \(name)") }
            if case .token(let token) = joining.credential { try use(up: token, by: node.number, db) }
            try insert(IssuedRow(svid: svid, member: node.member, entry: nil), db)
            try checkRoom(now: now, db)
            _ = try db.advance("revision")
            return node
        }
    }

    private func supersede(_ former: NodeRecord, now: Int64, _ db: Database) throws {
        let number = former.number.rawValue
        try db.execute(sql: "DELETE FROM leases WHERE node = ?", arguments: [number])
        let sql = "SELECT 1 FROM certificates WHERE node = ? AND not_after > ? AND revoked_at IS NULL LIMIT 1"
        guard try Bool.fetchOne(db, sql: sql, arguments: [number, now]) ?? false else { return }
        try takeBack(.node(former.name), .superseded, now: now, db)
    }

    private func put(_ name: String, _ joining: Joining, _ svid: X509SVID, now: Int64, _ db: Database) throws {
        let (endpoint, attestation) = (joining.endpoint, joining.credential.attestation)
        try db.execute(
            sql: """
                INSERT INTO nodes (name, address, link_port, esp_port, joined_at, serial, joined_by, joined_as)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (name) DO UPDATE SET address = excluded.address, link_port = excluded.link_port,
                    esp_port = excluded.esp_port, joined_at = excluded.joined_at, serial = excluded.serial,
                    joined_by = excluded.joined_by, joined_as = excluded.joined_as, evicted = 0,
                    membership = membership + 1
                """,
            arguments: [
                name, Data(endpoint.address.packed), endpoint.linkPort, endpoint.espPort, now, svid.leaf.serialHex,
                attestation.method, attestation.selector,
            ])
    }

    /// Under which name a node may join now, and what it was before under that name.
    private func admit(_ joining: Joining, now: Int64, _ db: Database) throws -> (name: String, former: NodeRecord?) {
        let promised = try Self.promisedName(joining.credential, now: now, db)
        let name = try Self.name(asked: joining.name, promised: promised)
        let former = try find(name: name, db)
        if let former {
            guard !former.isBanned else { throw JoinRefusal.banned(name) }
            if !former.isEvicted { try joining.credential.checkThatItMayReplace(former, isForName: promised != nil) }
        }
        guard try !isLeased(joining.endpoint.address, toAnotherThan: former?.number, db) else {
            throw JoinRefusal.leasedAddress(joining.endpoint.address)
        }
        return (name, former)
    }

    private static func promisedName(_ credential: Credential, now: Int64, _ db: Database) throws -> String? {
        switch credential {
        case .token(let token): try goodToken(token, now: now, db)
        case .attested(let node): node.name
        }
    }

    private static func name(asked: String?, promised: String?) throws(JoinRefusal) -> String {
        switch (asked, promised) {
        case (nil, nil): throw .nameMissing
        case (let asked?, let promised?) where asked != promised: throw .otherName(asked: asked)
        case (let name?, _), (nil, let name?): return name
        }
    }

    /// Takes down the serial of a node's new SVID.
    func renewed(_ member: Member, serial: String) async throws(RegistryError) {
        try await write(as: RegistryError.self) { db in
            try db.execute(
                sql: "UPDATE nodes SET serial = ? WHERE number = ? AND membership = ?",
                arguments: [serial, member.node.rawValue, member.membership.rawValue])
        }
    }

    /// Shuts a node out until it is evicted, and takes back what was issued to it. Nil when no node ever had the name: one that was
    /// evicted could join again by what its machine has, and is kept from that.
    func ban(node name: String, now: Int64) async throws(RegistryError) -> NodeRecord? {
        try await write(as: RegistryError.self) { db in
            guard try ban(node: name, db) else { return nil }
            try takeBack(.node(name), .unspecified, now: now, db)
            return try find(name: name, db)
        }
    }

    /// Whether there is a node to be banned.
    func ban(node name: String, _ db: Database) throws -> Bool {
        try db.execute(sql: "UPDATE nodes SET banned = 1 WHERE name = ?", arguments: [name])
        return db.changesCount > 0
    }

    /// Forgets that a node has joined, and that it was banned; returns what it was, nil when there is no such node. SVIDs
    /// that it has count for nothing any more: they are taken back.
    func evict(node name: String, now: Int64) async throws(RegistryError) -> NodeRecord? {
        try await write(as: RegistryError.self) { db in
            guard let node = try find(name: name, db), node.isKnown else { return nil }
            let number = node.number.rawValue
            try db.execute(sql: "UPDATE nodes SET banned = 0, evicted = 1 WHERE number = ?", arguments: [number])
            try db.execute(sql: "DELETE FROM leases WHERE node = ?", arguments: [number])
            try takeBack(.node(name), .cessationOfOperation, now: now, db)
            return node
        }
    }

    /// A node that shows a certificate.
    struct ShowingNode: Sendable {
        let node: NodeRecord
        /// Whether the certificate was issued before it joined as who it is now; nil for one that is not known.
        let isSuperseded: Bool?
        /// The certificate's issuer is a CA of those who share the registry. One below these can give its certificates the name of
        /// any node.
        let isIssuedHere: Bool
    }

    /// The node of that name. Serial and fingerprint of the issuer are those of what it shows.
    func node(
        name: String, showing serial: String, issuedBy issuer: String
    ) async throws(RegistryError) -> ShowingNode? {
        try await read(as: RegistryError.self) { db in
            guard let node = try find(name: name, db), node.isKnown else { return nil }
            let sql = "SELECT membership FROM certificates WHERE serial = ?"
            let membership = try Int64.fetchOne(db.cachedStatement(sql: sql), arguments: [serial])
            let ours = "SELECT 1 FROM authorities WHERE fingerprint = ?"
            let isIssuedHere = try Bool.fetchOne(db.cachedStatement(sql: ours), arguments: [issuer]) ?? false
            return ShowingNode(
                node: node, isSuperseded: membership.map { $0 != node.membership.rawValue },
                isIssuedHere: isIssuedHere)
        }
    }

    /// All nodes, those too that are nothing but banned, by number.
    func nodes() async throws(RegistryError) -> [NodeRecord] {
        try await read(as: RegistryError.self) { db in
            try Row.fetchAll(db, sql: "SELECT * FROM nodes WHERE NOT evicted OR banned ORDER BY number").map(node)
        }
    }

    /// Those that have joined and were not evicted, by number.
    func joinedNodes(_ db: Database) throws -> [NodeRecord] {
        try Row.fetchAll(db, sql: "SELECT * FROM nodes WHERE NOT evicted ORDER BY number").map(node)
    }

    private func find(name: String, _ db: Database) throws -> NodeRecord? {
        try Row.fetchOne(db, sql: "SELECT * FROM nodes WHERE name = ?", arguments: [name]).map(node)
    }

    private func node(_ row: Row) throws -> NodeRecord {
        let name: String = try row.decode(forColumn: "name")
        guard let number = UInt32(exactly: try row.decode(Int64.self, forColumn: "number")),
            let id = try? ReservedNames.node(name, in: trustDomain),
            let address = IPAddress(bytes: try row.decode(Data.self, forColumn: "address")),
            let attestation = NodeAttestation(
                method: try row.decode(forColumn: "joined_by"), selector: try row.decode(forColumn: "joined_as"))
        else { throw nonsense("a node \(name)") }
        return NodeRecord(
            number: NodeNumber(rawValue: number), name: name, id: id,
            endpoint: NodeEndpoint(
                address: address, linkPort: try row.decode(forColumn: "link_port"),
                espPort: try row.decode(forColumn: "esp_port")),
            joinedAt: try row.decode(forColumn: "joined_at"), serial: try row.decode(forColumn: "serial"),
            isBanned: try row.decode(forColumn: "banned"), attestation: attestation,
            isEvicted: try row.decode(forColumn: "evicted"),
            membership: NodeMembershipNumber(rawValue: try row.decode(forColumn: "membership")))
    }
}

extension Registry.Credential {
    fileprivate var attestation: NodeAttestation {
        switch self {
        case .token: .joinToken
        case .attested(let node): node.attestation
        }
    }

    fileprivate func checkThatItMayReplace(_ former: NodeRecord, isForName: Bool) throws(JoinRefusal) {
        switch self {
        case .token: guard isForName else { throw .nameTaken(former.name) }
        case .attested(let node): guard node.follows(former.attestation) else { throw .nameHeld(former.name) }
        }
    }
}
