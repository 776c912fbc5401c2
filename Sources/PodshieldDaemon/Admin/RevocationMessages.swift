package import AdminAPI
package import Authority
package import Identity

extension RevocationSubject {
    /// Says which part is wrong.
    package init(_ message: Podshield_Admin_V1_RevocationSubject) throws(AdminError) {
        switch message.subject {
        case .spiffeID(let text): self = .spiffeID(try SPIFFEID(asked: text))
        case .serial(let text): self = .serial(text.lowercased())
        case .entry(let id): self = .entry(id)
        case .node(let name): self = .node(name)
        case nil: throw AdminError(.invalid, "it is not said what to revoke")
        }
    }
}

extension RevocationReason {
    /// - Parameter text: empty for none in particular.
    package init(asked text: String) throws(AdminError) {
        guard let reason = text.isEmpty ? .unspecified : RevocationReason(rawValue: text) else {
            throw AdminError(.invalid, "there is no such reason to revoke", subject: text)
        }
        self = reason
    }
}
