internal import COpenSSL

/// A certificate that is being made: all but its signature.
@safe final class UnsignedCertificate {
    private let pointer: OpaquePointer
    /// DER of the TBSCertificate (RFC 5280 section 4.1.2), which is what gets signed.
    let body: [UInt8]

    init(_ contents: CertificateContents, issuer: Certificate?, scheme: SignatureScheme) throws(OpenSSLError) {
        let certificate = try unsafe OpenSSL.require("X509_new", X509_new())
        do throws(OpenSSLError) {
            try unsafe Self.fill(certificate, contents)
            try unsafe Self.name(certificate, contents.subjectCommonName, issuer: issuer)
            try unsafe Self.announce(scheme, in: certificate)
            body = try unsafe Self.encodeBody(certificate)
        } catch {
            unsafe X509_free(certificate)
            throw error
        }
        unsafe pointer = certificate
    }

    deinit { unsafe X509_free(pointer) }

    /// Parsed again from its bytes: what was signed and what is read are then one thing.
    func finished(with signature: [UInt8]) throws(OpenSSLError) -> Certificate {
        try unsafe OpenSSL.check(
            "ASN1_BIT_STRING_set", ps_x509_set_signature(pointer, signature, Int32(signature.count)))
        let bio = try MemoryBIO()
        try unsafe OpenSSL.check("i2d_X509_bio", i2d_X509_bio(bio.pointer, pointer))
        return try Certificate(der: bio.contents)
    }

    private static func fill(_ certificate: OpaquePointer, _ contents: CertificateContents) throws(OpenSSLError) {
        try unsafe OpenSSL.check("X509_set_version", X509_set_version(certificate, Int(X509_VERSION_3)))
        try unsafe setSerial(of: certificate, contents.serial)
        try unsafe set(X509_getm_notBefore(certificate), to: contents.notBefore)
        try unsafe set(X509_getm_notAfter(certificate), to: contents.notAfter)
        try unsafe contents.publicKey.write(to: X509_get_X509_PUBKEY(certificate))
        for `extension` in contents.extensions {
            try unsafe `extension`.append(to: certificate)
        }
    }

    private static func setSerial(of certificate: OpaquePointer, _ serial: [UInt8]) throws(OpenSSLError) {
        let number = try unsafe OpenSSL.require("BN_bin2bn", BN_bin2bn(serial, Int32(serial.count), nil))
        defer { unsafe BN_free(number) }
        let target = unsafe X509_get_serialNumber(certificate)
        _ = try unsafe OpenSSL.require("BN_to_ASN1_INTEGER", BN_to_ASN1_INTEGER(number, target))
    }

    private static func set(_ time: UnsafeMutablePointer<ASN1_TIME>?, to seconds: Int64) throws(OpenSSLError) {
        _ = try unsafe OpenSSL.require("ASN1_TIME_set", ASN1_TIME_set(time, time_t(seconds)))
    }

    private static func name(
        _ certificate: OpaquePointer, _ commonName: String?, issuer: Certificate?
    ) throws(OpenSSLError) {
        let subject = unsafe X509_get_subject_name(certificate)
        if let commonName {
            let text = Array(commonName.utf8)
            let added = unsafe X509_NAME_add_entry_by_txt(
                subject, "CN", MBSTRING_UTF8, text, Int32(text.count), -1, 0)
            try OpenSSL.check("X509_NAME_add_entry_by_txt", added)
        }
        let issuerName = unsafe issuer.map { unsafe X509_get_subject_name($0.pointer) } ?? subject
        try unsafe OpenSSL.check("X509_set_issuer_name", X509_set_issuer_name(certificate, issuerName))
    }

    private static func announce(_ scheme: SignatureScheme, in certificate: OpaquePointer) throws(OpenSSLError) {
        guard let algorithm = scheme.certificateAlgorithm else {
            throw OpenSSLError(operation: "X509_ALGOR_set0", reasons: ["the scheme signs no certificate"])
        }
        let parameters = algorithm.hasNull ? V_ASN1_NULL : V_ASN1_UNDEF
        try unsafe OpenSSL.check(
            "X509_ALGOR_set0", ps_x509_set_signature_algorithm(certificate, algorithm.nid, parameters))
    }

    private static func encodeBody(_ certificate: OpaquePointer) throws(OpenSSLError) -> [UInt8] {
        var der: UnsafeMutablePointer<UInt8>?
        let count = unsafe i2d_re_X509_tbs(certificate, &der)
        try OpenSSL.check("i2d_re_X509_tbs", count)
        defer { unsafe ps_memory_free(der) }
        return unsafe Array(UnsafeBufferPointer(start: der, count: Int(count)))
    }
}
