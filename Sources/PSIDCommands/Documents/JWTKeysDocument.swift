import AdminAPI

/// `psid authority jwt list -o json`.
struct JWTKeysDocument: Encodable {
    /// Oldest first.
    let keys: [JWTKeyDocument]
}

/// One of the list, and what the other commands of `psid authority jwt` answer.
struct JWTKeyDocument: Encodable {
    let keyID: String
    /// `prepared`, `active` or `retired`; `revoked` where that has just been done.
    let state: String
    let tainted: Bool
    let preparedAt: Timestamp?
    let notAfter: Timestamp?
    /// The authority that has it, where several share a registry.
    let owner: String?

    init(_ key: Podshield_Admin_V1_JWTKey) {
        keyID = key.keyID
        state = key.state
        tainted = key.tainted
        preparedAt = Timestamp(unix: key.preparedAt)
        notAfter = Timestamp(unix: key.notAfter)
        owner = key.owner.known
    }
}

extension JWTKeyDocument: StepDocument {
    var subject: String { "key \(keyID)" }
}
