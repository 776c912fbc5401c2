internal import Identity
internal import OpenSSLBinding

/// The stage between plan and signature: everything the certificate will say but who signs it.
struct CertificateTemplate {
    var contents: CertificateContents

    /// The leaf of a plan (X509-SVID sections 2 to 4): empty subject, one URI name, no CA.
    init(
        _ plan: IssuancePlan, for key: PublicKey, authority: Certificate, serial: [UInt8], now: Int64
    ) {
        let names = Extensions.alternativeNames(uri: plan.id.description, dns: plan.dnsNames)
        let binding = plan.binding.map {
            CertificateExtension(oid: PodshieldBinding.oid, isCritical: false, value: $0.derEncoded)
        }
        contents = CertificateContents(
            serial: serial, subjectCommonName: nil, notBefore: now - X509SVID.backdating,
            notAfter: min(now + plan.lifetime.components.seconds, authority.notAfter), publicKey: key,
            extensions: [
                Extensions.leafConstraints,
                Extensions.keyUsage(Self.usage(of: key)),
                Extensions.serverAndClient,
                Extensions.subjectKey(key),
                Extensions.authorityKey(above: authority),
                // Critical, because the subject is empty (RFC 5280 section 4.1.2.6).
                CertificateExtension(oid: ExtensionID.subjectAlternativeName, isCritical: true, value: names),
            ] + (binding.map { [$0] } ?? []))
    }

    /// A self-signed root of a trust domain (X509-SVID section 3.2).
    init(
        root trustDomain: TrustDomain, key: PublicKey, serial: [UInt8], now: Int64, lifetime: Duration,
        pathLength: UInt32 = 0
    ) {
        let names = Extensions.alternativeNames(uri: SPIFFEID(trustDomain).description, dns: [])
        contents = CertificateContents(
            serial: serial, subjectCommonName: Self.commonName(trustDomain), notBefore: now - X509SVID.backdating,
            notAfter: now + lifetime.components.seconds, publicKey: key,
            extensions: [
                Extensions.authorityConstraints(pathLength: pathLength),
                Extensions.keyUsage([.keyCertSign, .cRLSign]),
                Extensions.subjectKey(key),
                Extensions.authorityKey(key),
                CertificateExtension(oid: ExtensionID.subjectAlternativeName, isCritical: false, value: names),
            ])
    }

    /// An authority of a trust domain below another, which ends with it at the latest. Nil when that one has no key
    /// identifier that could be pointed to (RFC 5280 section 4.2.1.1).
    init?(
        intermediate trustDomain: TrustDomain, key: PublicKey, under issuers: [Certificate], serial: [UInt8],
        now: Int64, lifetime: Duration, pathLength: UInt32 = 0
    ) {
        guard let issuer = issuers.first, let authorityKey = Extensions.authorityKey(of: issuer) else { return nil }
        self.init(
            root: trustDomain, key: key, serial: serial, now: now, lifetime: lifetime, pathLength: pathLength)
        contents.subjectCommonName = Self.nameBelow(trustDomain)
        contents.notAfter = min(contents.notAfter, issuers.map(\.notAfter).min() ?? .min)
        contents.extensions = contents.extensions.map { $0.oid == authorityKey.oid ? authorityKey : $0 }
    }

    /// What this kind of key can do in a TLS handshake beside signing.
    static func usage(of key: PublicKey) -> KeyUsage {
        switch key.kind {
        case .rsa: [.digitalSignature, .keyEncipherment]
        case .ecP256, .ecP384, .ecP521: [.digitalSignature, .keyAgreement]
        case .ed25519, .other: .digitalSignature
        }
    }

    /// The common name of an authority that is below another.
    static func nameBelow(_ trustDomain: TrustDomain) -> String { commonName(trustDomain) + " below another" }

    /// Of one that ours has signed: nobody's above it, or it would be taken for a root.
    static func nameDownstream(_ trustDomain: TrustDomain) -> String { commonName(trustDomain) + " downstream" }

    /// Leaves room in 64 characters (RFC 5280 appendix A, ub-common-name) for what tells an authority from that above it; the name is for people, the URI is what counts.
    private static func commonName(_ trustDomain: TrustDomain) -> String {
        String("podshield \(trustDomain)".prefix(50))
    }
}
