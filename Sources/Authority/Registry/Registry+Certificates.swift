internal import AuthorityAPI
internal import GRDB
internal import Identity
internal import Issuance
internal import OpenSSLBinding

/// A certificate that is about to leave.
struct IssuedRow: Sendable {
    let certificate: Certificate
    /// To whom; what it says, but for a CA below ours.
    let id: SPIFFEID
    /// Of it and all above it.
    let notAfter: Int64
    /// Fingerprint of the CA that signed.
    let issuer: String
    /// Nil for one that is bound to no node.
    let member: Member?
    /// Nil where none decided.
    let entry: String?
    /// Nil for one that is no pod's.
    let pod: PodFacts?
    /// By which a CA below ours was asked for; it leaves only if that still lets its holder have one.
    let askedBy: ShownSVID?

    var serial: String { certificate.serialHex }

    init(svid: X509SVID, member: Member?, entry: String?, pod: PodFacts? = nil) {
        certificate = svid.leaf
        id = svid.id
        notAfter = svid.notAfter
        issuer = svid.issuer.fingerprint
        self.member = member
        self.entry = entry
        self.pod = pod
        askedBy = nil
    }

    /// A CA below ours, for who has this entry.
    init(
        downstream certificate: Certificate, of entry: RegistrationEntry, askedBy svid: ShownSVID, issuer: Certificate
    ) {
        self.certificate = certificate
        id = entry.spiffeID
        notAfter = certificate.notAfter
        self.issuer = issuer.fingerprint
        member = nil
        self.entry = entry.id
        pod = nil
        askedBy = svid
    }
}

/// An SVID by which somebody asks for a CA.
struct ShownSVID: Sendable {
    let id: SPIFFEID
    let serial: String
    /// Fingerprints of the CAs one of which has issued it: of two with the same key nobody can tell which.
    let issuers: [String]
}

/// What a revocation list is made of.
struct RevokedCertificates: Sendable {
    let number: UInt64
    let issuedAt: Int64
    let certificates: [RevokedCertificate]
}

extension Registry {
    /// Takes certificates down before they leave. Answers, by serial, which must not: a certificate is taken down before a
    /// revocation, which then takes it back, or refused after it.
    func record(_ rows: [IssuedRow], now: Int64) async throws(RegistryError) -> [String: CallRefusal] {
        try await write(as: RegistryError.self) { db in
            var refusals: [String: CallRefusal] = [:]
            for row in rows {
                if let refusal = try refusal(of: row, db) {
                    refusals[row.serial] = refusal
                } else {
                    try insert(row, db)
                }
            }
            try forgetEnded("revoked_at IS NULL", now: now, db)
            return refusals
        }
    }

    private func refusal(of row: IssuedRow, _ db: Database) throws -> CallRefusal? {
        if try isRevoked(row.id, entry: row.entry, db) { return .revoked(row.id) }
        if replica != nil {
            // Another authority may have taken out the CA meanwhile.
            let sql = "SELECT 1 FROM authorities WHERE fingerprint = ?"
            let isTrusted = try Bool.fetchOne(db.cachedStatement(sql: sql), arguments: [row.issuer])
            guard isTrusted == true else { return .revoked(row.id) }
        }
        // A key that is elsewhere takes its time to sign, and the entry may have changed meanwhile.
        if let asked = row.askedBy, try downstreamEntry(of: asked, db)?.id != row.entry {
            return .notDownstream(row.id)
        }
        guard let member = row.member else { return nil }
        let sql = "SELECT membership FROM nodes WHERE number = ? AND NOT banned AND NOT evicted"
        let now = try Int64.fetchOne(db.cachedStatement(sql: sql), arguments: [member.node.rawValue])
        guard let now else { return .revoked(row.id) }
        // It joined again while this was signed, and was another machine before, perhaps.
        return now == member.membership.rawValue ? nil : .superseded(row.id)
    }

    /// Some of the certificates that have ended, the longest ago first: more would not fit into what authorities share at once, and the
    /// others are forgotten next time.
    func forgetEnded(_ condition: String, now: Int64, _ db: Database) throws {
        let sql = """
            DELETE FROM certificates WHERE serial IN (
                SELECT serial FROM certificates WHERE not_after <= ? AND \(condition) ORDER BY not_after LIMIT ?)
            """
        try db.execute(sql: sql, arguments: [now, replica == nil ? -1 : Self.forgottenAtOnce])
    }

    private static let forgottenAtOnce = 512

    func insert(_ row: IssuedRow, _ db: Database) throws {
        let sql = """
            INSERT INTO certificates (serial, spiffe_id, node, membership, entry, pod, not_after, issued_at, issuer)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """
        try db.cachedStatement(sql: sql).execute(
            arguments: [
                row.serial, row.id.description, row.member?.node.rawValue ?? 0,
                row.member?.membership.rawValue ?? 0, row.entry ?? "",
                row.pod.map { "\($0.namespace)/\($0.name)" } ?? "", row.notAfter,
                row.certificate.notBefore + X509SVID.backdating, row.issuer,
            ])
    }

    // MARK: The list

    /// Lets a new list be due, without what has ended since the last, when that is in the second half of its life or from
    /// the future. Whether it is.
    func renewList(now: Int64) async throws(RegistryError) -> Bool {
        try await write(as: RegistryError.self) { db in
            let (number, issuedAt) = try listCounters(db)
            let isFresh = (issuedAt..<issuedAt + CertificateAuthority.listLifetime / 2).contains(now)
            guard number == 0 || !isFresh else { return false }
            try advanceList(now: now, db)
            return true
        }
    }

    /// The list changes, and with it the directory.
    func advanceList(now: Int64, _ db: Database) throws {
        try forgetEnded("1", now: now, db)
        let sql = "SELECT count(*) FROM certificates WHERE revoked_at IS NOT NULL"
        let held = try Int.fetchOne(db, sql: sql) ?? 0
        guard held <= limits.revocations else {
            throw RegistryError.directoryFull(
                DirectoryShortage("revoked certificates", held, of: limits.revocations))
        }
        _ = try db.advance("crl")
        try db.execute(sql: "UPDATE counters SET value = ? WHERE name = 'crl-issued-at'", arguments: [now])
        _ = try db.advance("revision")
    }

    func revokedCertificates(_ db: Database) throws -> RevokedCertificates {
        let (number, issuedAt) = try listCounters(db)
        let sql = "SELECT * FROM certificates WHERE revoked_at IS NOT NULL ORDER BY revoked_at, serial"
        let certificates = try Row.fetchAll(db, sql: sql).map { row in
            guard let serial = Self.bytes(try row.decode(String.self, forColumn: "serial")),
                let reason = RevocationReason(rawValue: try row.decode(forColumn: "reason"))
            else { throw nonsense("a revoked certificate") }
            return RevokedCertificate(
                serial: serial, revokedAt: try row.decode(forColumn: "revoked_at"), reason: reason)
        }
        return RevokedCertificates(number: number, issuedAt: issuedAt, certificates: certificates)
    }

    private func listCounters(_ db: Database) throws -> (number: UInt64, issuedAt: Int64) {
        let sql = "SELECT value FROM counters WHERE name IN ('crl', 'crl-issued-at') ORDER BY name"
        let values = try Int64.fetchAll(db, sql: sql)
        guard values.count == 2, let number = UInt64(exactly: values[0]) else { throw nonsense("a list's number") }
        return (number, values[1])
    }

    private static func bytes(_ hexadecimal: String) -> [UInt8]? {
        let digits = Array(hexadecimal.utf8)
        guard digits.count.isMultiple(of: 2) else { return nil }
        let bytes = stride(from: 0, to: digits.count, by: 2).map {
            UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)
        }
        return bytes.contains(nil) ? nil : bytes.compactMap(\.self)
    }
}
