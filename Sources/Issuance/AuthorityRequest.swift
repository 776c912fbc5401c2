internal import Identity
internal import JOSE
internal import OpenSSLBinding

/// What an authority of a trust domain asks one above it for: a certificate for its key.
public struct AuthorityRequest: Sendable {
    /// The one URI name that the certificate is to have.
    public let uriName: String
    /// How long it is to be valid.
    public let seconds: Int64
    /// PKCS #10 (RFC 2986), signed by the key that it is for, with the names that are asked for.
    public let der: [UInt8]

    /// Takes as long as the key does.
    init(_ trustDomain: TrustDomain, key: any SigningKey, seconds: Int64) throws(IssuanceError) {
        uriName = SPIFFEID(trustDomain).description
        self.seconds = seconds
        let kind = key.publicKey.kind
        guard let algorithm = SignatureAlgorithm.identifier(of: kind), let scheme = kind.certificateScheme else {
            throw .unacceptableKey("\(kind)")
        }
        let body = Self.body(CertificateTemplate.nameBelow(trustDomain), uriName, key.publicKey)
        let signature: [UInt8]
        do throws(SigningError) { signature = try key.sign(body, by: scheme) } catch { throw .signing(error) }
        der = DER.sequence(body, algorithm, DER.element(.bitString, [0] + signature))
    }

    /// RFC 2986 section 4.1: version, subject, key, and the extensions that are asked for (RFC 2985 section 5.4.2).
    private static func body(_ commonName: String, _ uriName: String, _ key: PublicKey) -> [UInt8] {
        let subject = DER.sequence(
            DER.element(.set, DER.sequence(DER.element(.objectIdentifier, ObjectID.commonName), DER.utf8(commonName))))
        let names = DER.sequence(
            DER.element(.objectIdentifier, ObjectID.subjectAlternativeName),
            DER.element(.octetString, Extensions.alternativeNames(uri: uriName, dns: [])))
        let extensions = DER.sequence(
            DER.element(.objectIdentifier, ObjectID.extensionRequest), DER.element(.set, DER.sequence(names)))
        return DER.sequence(
            DER.integer(0), subject, key.subjectPublicKeyInfo, DER.element(.context0Constructed, extensions))
    }

    /// RFC 7468.
    public var pem: String {
        var digits = Base64.standard.encode(der)[...]
        var lines: [Substring] = []
        while !digits.isEmpty {
            lines.append(digits.prefix(64))
            digits = digits.dropFirst(64)
        }
        return
            "-----BEGIN CERTIFICATE REQUEST-----\n\(lines.joined(separator: "\n"))\n-----END CERTIFICATE REQUEST-----\n"
    }
}

/// As the content of DER.
private enum ObjectID {
    /// 2.5.4.3
    static let commonName: [UInt8] = [0x55, 4, 3]
    /// 2.5.29.17
    static let subjectAlternativeName: [UInt8] = [0x55, 0x1d, 17]
    /// 1.2.840.113549.1.9.14
    static let extensionRequest: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14]
}
