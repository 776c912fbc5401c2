package import AdminAPI
package import Authority
package import Identity
package import Issuance
package import JOSE

/// A JWT-SVID as it is asked for. Whether it may be, its plan says.
package struct JWTMinting: Sendable {
    package let id: SPIFFEID
    package let audience: JWTAudience
    /// Nil for the authority's setting.
    package let lifetime: Duration?

    /// Says which part is wrong.
    package init(_ message: Podshield_Admin_V1_MintJWTRequest) throws(AdminError) {
        id = try SPIFFEID(asked: message.spiffeID)
        do throws(JWTAudienceError) { audience = try JWTAudience(message.audience) } catch {
            throw AdminError(.invalid, "\(error)")
        }
        lifetime = message.ttl.lifetime
    }
}

/// An X.509-SVID as it is asked for. Whether it may be, its plan says.
package struct X509Minting: Sendable {
    package let id: SPIFFEID
    /// Nil for the authority's setting.
    package let lifetime: Duration?
    package let dnsNames: [String]

    package init(_ message: Podshield_Admin_V1_MintX509Request) throws(AdminError) {
        id = try SPIFFEID(asked: message.spiffeID)
        lifetime = message.ttl.lifetime
        dnsNames = message.dnsNames
    }
}

extension InvitationTerms {
    /// Says which part is wrong.
    package init(_ message: Podshield_Admin_V1_TokenGenerateRequest) throws(AdminError) {
        do throws(InvitationError) {
            try self.init(
                node: message.node.isEmpty ? nil : message.node,
                lifetime: message.ttl.lifetime ?? Invitation.defaultLifetime)
        } catch {
            throw AdminError(error)
        }
    }
}

extension Int64 {
    /// Of a field of seconds in which 0 means that nothing is said.
    var lifetime: Duration? { self == 0 ? nil : .seconds(self) }
}

extension AdminError {
    package init(_ error: IssuanceError) {
        switch error {
        case .reservedID(let id), .foreignTrustDomain(let id): self.init(.invalid, "\(error)", subject: "\(id)")
        case .badDNSName(let name): self.init(.invalid, "\(error)", subject: name)
        case .badName, .tooManyDNSNames, .badLifetime: self.init(.invalid, "\(error)")
        default: self.init(.internal, "\(error)")
        }
    }
}
