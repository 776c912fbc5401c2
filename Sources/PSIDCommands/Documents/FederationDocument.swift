import AdminAPI

/// `psid federation create|update|show|refresh|delete -o json`, and each of `psid federation list`.
struct RelationshipDocument: Encodable {
    let trustDomain: String
    let url: String
    /// `https_web` or `https_spiffe`.
    let profile: String
    /// Left out with `https_web`.
    let endpointSPIFFEID: String?
    /// Left out while no bundle is held.
    let refreshedAt: Timestamp?
    /// Why the last try failed; left out if it did not.
    let failure: String?

    init(_ relationship: Podshield_Admin_V1_FederationRelationship) {
        trustDomain = relationship.trustDomain
        url = relationship.url
        profile = relationship.profile
        endpointSPIFFEID = relationship.endpointSpiffeID.known
        refreshedAt = Timestamp(unix: relationship.refreshedAt)
        failure = relationship.failure.known
    }
}

struct RelationshipsDocument: Encodable {
    let relationships: [RelationshipDocument]
}

/// `psid bundle show -o json`, and each of `psid bundle list`.
struct BundleRecord: Encodable {
    let trustDomain: String
    /// X.509 roots.
    let roots: Int
    /// Left out for the own one.
    let storedAt: Timestamp?

    init(_ bundle: Podshield_Admin_V1_TrustDomainBundle) {
        trustDomain = bundle.trustDomain
        roots = bundle.roots.count
        storedAt = Timestamp(unix: bundle.storedAt)
    }
}

struct BundlesDocument: Encodable {
    /// The own one first.
    let bundles: [BundleRecord]
}
