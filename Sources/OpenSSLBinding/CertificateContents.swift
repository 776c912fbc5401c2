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
    public func signed(by key: PrivateKey, issuer: Certificate?) throws(OpenSSLError) -> Certificate {
        let certificate = try unsafe OpenSSL.require("X509_new", X509_new())
        do throws(OpenSSLError) {
            try unsafe fill(certificate)
            try unsafe name(certificate, issuer: issuer)
            let digest = unsafe key.publicKey.kind.digest
            try unsafe OpenSSL.check("X509_sign", X509_sign(certificate, key.pointer, digest))
        } catch {
            unsafe X509_free(certificate)
            throw error
        }
        // Parsed again from its bytes: what was signed and what is read are then one thing.
        defer { unsafe X509_free(certificate) }
        let bio = try MemoryBIO()
        try unsafe OpenSSL.check("i2d_X509_bio", i2d_X509_bio(bio.pointer, certificate))
        return try Certificate(der: bio.contents)
    }

    private func fill(_ certificate: OpaquePointer) throws(OpenSSLError) {
        try unsafe OpenSSL.check("X509_set_version", X509_set_version(certificate, Int(X509_VERSION_3)))
        try unsafe setSerial(of: certificate)
        try unsafe Self.set(X509_getm_notBefore(certificate), to: notBefore)
        try unsafe Self.set(X509_getm_notAfter(certificate), to: notAfter)
        try unsafe OpenSSL.check("X509_set_pubkey", X509_set_pubkey(certificate, publicKey.pointer))
        for `extension` in extensions {
            try unsafe `extension`.append(to: certificate)
        }
    }

    private func setSerial(of certificate: OpaquePointer) throws(OpenSSLError) {
        let number = try unsafe OpenSSL.require("BN_bin2bn", BN_bin2bn(serial, Int32(serial.count), nil))
        defer { unsafe BN_free(number) }
        let target = unsafe X509_get_serialNumber(certificate)
        _ = try unsafe OpenSSL.require("BN_to_ASN1_INTEGER", BN_to_ASN1_INTEGER(number, target))
    }

    private static func set(_ time: UnsafeMutablePointer<ASN1_TIME>?, to seconds: Int64) throws(OpenSSLError) {
        _ = try unsafe OpenSSL.require("ASN1_TIME_set", ASN1_TIME_set(time, time_t(seconds)))
    }

    private func name(_ certificate: OpaquePointer, issuer: Certificate?) throws(OpenSSLError) {
        let subject = unsafe X509_get_subject_name(certificate)
        if let subjectCommonName {
            let text = Array(subjectCommonName.utf8)
            let added = unsafe X509_NAME_add_entry_by_txt(
                subject, "CN", MBSTRING_UTF8, text, Int32(text.count), -1, 0)
            try OpenSSL.check("X509_NAME_add_entry_by_txt", added)
        }
        let issuerName = unsafe issuer.map { unsafe X509_get_subject_name($0.pointer) } ?? subject
        try unsafe OpenSSL.check("X509_set_issuer_name", X509_set_issuer_name(certificate, issuerName))
    }
}
