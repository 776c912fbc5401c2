import AdminAPI

/// `psid authority list -o json`.
struct AuthoritiesDocument: Encodable {
    /// Oldest first.
    let authorities: [AuthorityDocument]
}

/// One of the list, and what the other commands of `psid authority` answer.
struct AuthorityDocument: Encodable {
    let fingerprint: String
    /// `prepared`, `active` or `retired`; `revoked` where that has just been done.
    let state: String
    let tainted: Bool
    let preparedAt: Timestamp?
    let notAfter: Timestamp?
    let rootFingerprint: String
    /// SVIDs that it issued and that nothing has replaced.
    let inUse: UInt32
    /// Whether nodes that join insist on its root.
    let serves: Bool
    /// The authority that has its key, where several share a registry.
    let owner: String?

    init(_ authority: Podshield_Admin_V1_CertificateAuthority) {
        fingerprint = authority.fingerprint
        state = authority.state
        tainted = authority.tainted
        preparedAt = Timestamp(unix: authority.preparedAt)
        notAfter = Timestamp(unix: authority.notAfter)
        rootFingerprint = authority.rootFingerprint
        inUse = authority.inUse
        serves = authority.serves
        owner = authority.owner.known
    }
}

extension AuthorityDocument: StepDocument {
    var subject: String { "CA \(fingerprint)" }
}
