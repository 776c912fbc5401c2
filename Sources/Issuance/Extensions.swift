internal import Identity
internal import OpenSSLBinding

/// The extensions of RFC 5280 section 4.2 that are issued, as DER.
enum Extensions {
    static let leafConstraints = CertificateExtension(
        oid: ExtensionID.basicConstraints, isCritical: true, value: DER.sequence())

    /// An authority.
    ///
    /// - Parameter pathLength: how many others may be between it and a leaf.
    static func authorityConstraints(pathLength: UInt32) -> CertificateExtension {
        CertificateExtension(
            oid: ExtensionID.basicConstraints, isCritical: true, value: DER.sequence(DER.true, DER.integer(pathLength)))
    }

    static func keyUsage(_ usage: KeyUsage) -> CertificateExtension {
        CertificateExtension(oid: ExtensionID.keyUsage, isCritical: true, value: usage.derEncoded)
    }

    static let serverAndClient = CertificateExtension(
        oid: ExtensionID.extendedKeyUsage, isCritical: false,
        value: DER.sequence(
            DER.element(.objectIdentifier, ExtensionID.serverAuthentication),
            DER.element(.objectIdentifier, ExtensionID.clientAuthentication)))

    static func subjectKey(_ key: PublicKey) -> CertificateExtension {
        CertificateExtension(
            oid: ExtensionID.subjectKeyIdentifier, isCritical: false,
            value: DER.element(.octetString, keyIdentifier(key)))
    }

    static func authorityKey(_ key: PublicKey) -> CertificateExtension {
        CertificateExtension(
            oid: ExtensionID.authorityKeyIdentifier, isCritical: false,
            value: DER.sequence(DER.element(.context0, keyIdentifier(key))))
    }

    /// By the identifier that the authority's certificate has, which others may have chosen in another way.
    static func authorityKey(above authority: Certificate) -> CertificateExtension {
        authorityKey(of: authority) ?? authorityKey(authority.publicKey)
    }

    /// Nil where it has none.
    static func authorityKey(of authority: Certificate) -> CertificateExtension? {
        authority.keyIdentifier.map { identifier in
            CertificateExtension(
                oid: ExtensionID.authorityKeyIdentifier, isCritical: false,
                value: DER.sequence(DER.element(.context0, identifier)))
        }
    }

    static func alternativeNames(uri: String, dns: [String]) -> [UInt8] {
        let uriName = DER.element(.context6, Array(uri.utf8))
        return DER.sequence(of: [uriName] + dns.map { DER.element(.context2, Array($0.utf8)) })
    }

    /// The leftmost 160 bits of the SHA-256 of the whole key information (RFC 7093 section 2, method 4).
    private static func keyIdentifier(_ key: PublicKey) -> [UInt8] {
        Array(SHA256Digest.hash(key.subjectPublicKeyInfo).prefix(20))
    }
}
