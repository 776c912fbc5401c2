internal import COpenSSL

/// What a certificate is going to say: the TBSCertificate of RFC 5280 section 4.1, version 3.
public struct CertificateContents: Sendable {
    /// Big-endian magnitude, 1 to 20 bytes.
    public var serial: [UInt8]
    /// nil for an empty subject.
    public var subjectCommonName: String?
    /// Seconds since 1970.
    public var notBefore: Int64
    public var notAfter: Int64
    public var publicKey: PublicKey
    public var extensions: [CertificateExtension]

    public init(
        serial: [UInt8], subjectCommonName: String?, notBefore: Int64, notAfter: Int64, publicKey: PublicKey,
        extensions: [CertificateExtension]
    ) {
        self.serial = serial
        self.subjectCommonName = subjectCommonName
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.publicKey = publicKey
        self.extensions = extensions
    }

    /// Signs as a certificate under `issuer`, whose subject becomes the issuer name; under nil as a self-signed one.
    ///
    /// Takes as long as `key` does. What a key outside of this process returns is verified.
    public func signed(by key: any SigningKey, issuer: Certificate?) throws(SigningError) -> Certificate {
        guard let scheme = key.publicKey.kind.certificateScheme else {
            throw .openSSL(OpenSSLError(operation: "signing", reasons: ["no scheme for \(key.publicKey.kind)"]))
        }
        let unsigned = try SigningError.wrap { () throws(OpenSSLError) in
            try UnsignedCertificate(self, issuer: issuer, scheme: scheme)
        }
        let signature = try key.sign(unsigned.body, by: scheme)
        guard key.isInMemory || key.publicKey.verify(signature, of: unsigned.body, by: scheme) else {
            throw .wrongSignature
        }
        return try SigningError.wrap { () throws(OpenSSLError) in try unsigned.finished(with: signature) }
    }
}
