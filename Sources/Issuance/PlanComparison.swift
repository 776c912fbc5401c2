internal import Identity
internal import OpenSSLBinding

/// The last look before a certificate leaves: does it say what was planned, all of it and nothing else?
struct PlanComparison {
    let svid: X509SVID
    let profile: CertificateProfile
    let plan: IssuancePlan
    let key: PublicKey

    /// The first fact that differs; nil when none does.
    func difference(now: Int64) -> IssuanceError.PlannedFact? {
        if svid.id != plan.id { return .id }
        if svid.binding != plan.binding { return .binding }
        if !namesArePlanned { return .alternativeNames }
        if svid.leaf.publicKey != key { return .publicKey }
        if !svid.leaf.subject.isEmpty { return .subject }
        if !validityIsPlanned(now) { return .validity }
        if profile.keyUsage != CertificateTemplate.usage(of: key) { return .keyUsage }
        if Set(svid.leaf.extensions.map(\.oid)) != plannedExtensions { return .extensions }
        return nil
    }

    /// The URI name is the ID and was compared as such.
    private var namesArePlanned: Bool {
        profile.dnsNames == plan.dnsNames.map { Array($0.utf8) } && !profile.hasOtherAlternativeNames
    }

    private func validityIsPlanned(_ now: Int64) -> Bool {
        let issuer = svid.chain.count > 1 ? svid.chain[1] : svid.anchor
        let end = min(now + plan.lifetime.components.seconds, issuer.notAfter)
        return svid.leaf.notBefore == now - X509SVID.backdating && svid.leaf.notAfter == end
    }

    private var plannedExtensions: Set<String> {
        let always: Set = [
            ExtensionID.basicConstraints, ExtensionID.keyUsage, ExtensionID.extendedKeyUsage,
            ExtensionID.subjectKeyIdentifier, ExtensionID.authorityKeyIdentifier,
            ExtensionID.subjectAlternativeName,
        ]
        return plan.binding == nil ? always : always.union([PodshieldBinding.oid])
    }
}
