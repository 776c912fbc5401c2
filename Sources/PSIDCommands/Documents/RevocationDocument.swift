import AdminAPI

/// `psid revoke -o json`.
struct RevokedDocument: Encodable {
    let isDryRun: Bool
    /// Those concerned that were good until now.
    let certificates: [IssuedCertificateDocument]
}

/// `psid revoke list -o json`.
struct RevocationsDocument: Encodable {
    /// What is not issued.
    let revocations: [RevocationDocument]
    /// Those revoked that have not ended.
    let certificates: [IssuedCertificateDocument]
}

/// `psid revoke lift -o json`, and each of the list.
struct RevocationDocument: Encodable {
    let kind: String
    let name: String
    let reason: String
    /// Who revoked it.
    let user: UInt32
    let revokedAt: Timestamp?

    init(_ revocation: Podshield_Admin_V1_Revocation) {
        kind = revocation.kind
        name = revocation.name
        reason = revocation.reason
        user = revocation.user
        revokedAt = Timestamp(unix: revocation.revokedAt)
    }
}

/// `psid revoke crl -o json`.
struct ListsDocument: Encodable {
    /// PEM.
    let lists: [String]
}

struct IssuedCertificateDocument: Encodable {
    let serial: String
    let spiffeID: String
    /// Number of the node; left out for none.
    let node: UInt32?
    /// Left out for none.
    let entry: String?
    let notAfter: Timestamp?
    /// Left out while it is good.
    let revokedAt: Timestamp?

    init(_ certificate: Podshield_Admin_V1_IssuedCertificate) {
        serial = certificate.serial
        spiffeID = certificate.spiffeID
        node = certificate.node.known
        entry = certificate.entry.known
        notAfter = Timestamp(unix: certificate.notAfter)
        revokedAt = Timestamp(unix: certificate.revokedAt)
    }
}

extension RevocationsDocument {
    var table: [String] {
        var table = Table("REVOKED", "NAME", "REASON", "BY", "AT")
        for held in revocations {
            table.add(held.kind, held.name, held.reason, "\(held.user)", held.revokedAt?.description ?? "")
        }
        return table.lines
    }
}

extension [IssuedCertificateDocument] {
    var table: [String] {
        var table = Table("SERIAL", "SPIFFE ID", "NODE", "ENTRY", "UNTIL")
        for held in self {
            table.add(
                held.serial, held.spiffeID, held.node.map { "\($0)" } ?? "", held.entry ?? "",
                held.notAfter?.description ?? "")
        }
        return table.lines
    }
}
