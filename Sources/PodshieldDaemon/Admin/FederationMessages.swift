package import AdminAPI
package import Federation
import FoundationEssentials
package import Identity
import JOSE
import OpenSSLBinding

extension Relationship {
    /// Says which part is wrong.
    package init(
        _ message: Podshield_Admin_V1_FederationRelationship, of own: TrustDomain
    ) throws(AdminError) {
        let trustDomain = try TrustDomain(asked: message.trustDomain)
        let profile = try EndpointProfile(message)
        let url: EndpointURL
        do throws(FederationError) { url = try EndpointURL(message.url) } catch {
            throw AdminError(.invalid, "\(error)", subject: message.url)
        }
        do throws(FederationError) {
            try self.init(with: trustDomain, of: own, at: url, profile: profile)
        } catch {
            throw AdminError(.invalid, "\(error)", subject: trustDomain.name)
        }
    }
}

extension EndpointProfile {
    fileprivate init(_ message: Podshield_Admin_V1_FederationRelationship) throws(AdminError) {
        switch (message.profile, message.endpointSpiffeID) {
        case ("https_web", ""): self = .web
        case ("https_web", let id):
            throw AdminError(.invalid, "an endpoint of https_web has no SPIFFE ID", subject: id)
        case ("https_spiffe", ""):
            throw AdminError(.invalid, "the SPIFFE ID of the endpoint is missing", subject: message.url)
        case ("https_spiffe", let id): self = .spiffe(try SPIFFEID(asked: id))
        case (let name, _): throw AdminError(.invalid, "there is no such profile", subject: name)
        }
    }
}

extension ForeignBundle {
    /// Roots in PEM are taken all or none.
    package init(_ message: Podshield_Admin_V1_BundleText, of trustDomain: TrustDomain) throws(AdminError) {
        let roots = message.format == .pem ? try BundleDocument(pem: message.text, of: trustDomain) : nil
        do throws(FederationError) {
            if let roots { try self.init(roots) } else { try self.init(parsing: Array(message.text), of: trustDomain) }
        } catch {
            throw AdminError(.invalid, "\(error)", subject: trustDomain.name)
        }
    }
}

extension BundleDocument {
    /// X.509 roots alone, which all have to be authorities of the trust domain.
    fileprivate init(pem: Data, of trustDomain: TrustDomain) throws(AdminError) {
        do {
            let roots = try Certificate.parsePEMChain(String(decoding: pem, as: UTF8.self))
            let bundle = try TrustBundle(trustDomain: trustDomain, authorities: roots, sequence: 0)
            guard !roots.isEmpty else {
                throw AdminError(.invalid, "there is no certificate in it", subject: trustDomain.name)
            }
            self.init(bundle: bundle, jwtBundle: .empty(trustDomain))
        } catch let error as AdminError {
            throw error
        } catch {
            throw AdminError(.invalid, "the roots cannot be used: \(error)", subject: trustDomain.name)
        }
    }
}

extension Podshield_Admin_V1_FederationRelationship {
    package init(_ relationship: Relationship) {
        self.init()
        trustDomain = relationship.trustDomain.name
        url = relationship.url.text
        profile = relationship.profile.name
        if case .spiffe(let id) = relationship.profile { endpointSpiffeID = "\(id)" }
    }
}
