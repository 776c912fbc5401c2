internal import COpenSSL

/// An X.509 certificate (RFC 5280), parsed but in no way trusted.
///
/// Sendable because the `X509` is never changed after `init`; what OpenSSL caches inside, it guards with its own lock.
@safe public final class Certificate: @unchecked Sendable {
    let pointer: OpaquePointer
    /// Exactly the bytes that were parsed and that signatures are checked over.
    public let der: [UInt8]
    /// 3 for every certificate we accept.
    public let version: Int
    /// Lower-case hexadecimal, no leading `00`.
    public let serialHex: String
    /// RFC 4514 text; empty for an empty name.
    public let subject: String
    public let issuer: String
    /// Seconds since 1970.
    public let notBefore: Int64
    public let notAfter: Int64
    public let publicKey: PublicKey
    public let extensions: [CertificateExtension]
    /// SHA-256 of `der`: the certificate's fingerprint.
    public let sha256: [UInt8]

    /// Parses exactly one DER certificate: trailing bytes, encodings other than DER and keys that OpenSSL cannot read
    /// are refused.
    public convenience init(der: [UInt8]) throws(OpenSSLError) {
        let parsed = unsafe der.withUnsafeBufferPointer { bytes in
            var cursor = bytes.baseAddress
            return unsafe d2i_X509(nil, &cursor, bytes.count)
        }
        try unsafe self.init(owning: OpenSSL.require("d2i_X509", parsed))
        guard self.der == der else {
            throw OpenSSLError(operation: "d2i_X509", reasons: ["not one DER certificate"])
        }
    }

    /// Takes over the reference, also when it throws.
    init(owning pointer: OpaquePointer) throws(OpenSSLError) {
        do throws(OpenSSLError) {
            der = try unsafe Self.encode(pointer)
            version = unsafe X509_get_version(pointer) + 1
            serialHex = try unsafe Self.serial(of: pointer)
            subject = try unsafe Self.text(of: X509_get_subject_name(pointer))
            issuer = try unsafe Self.text(of: X509_get_issuer_name(pointer))
            notBefore = try unsafe Self.seconds(X509_get0_notBefore(pointer))
            notAfter = try unsafe Self.seconds(X509_get0_notAfter(pointer))
            publicKey = try unsafe PublicKey(info: X509_get_X509_PUBKEY(pointer))
            extensions = try unsafe Self.readExtensions(of: pointer)
            sha256 = SHA256Digest.hash(der)
        } catch {
            unsafe X509_free(pointer)
            throw error
        }
        unsafe self.pointer = pointer
    }

    deinit { unsafe X509_free(pointer) }

    /// All certificates of a PEM text in their order; text between blocks is skipped, blocks of other kinds are refused.
    public static func parsePEMChain(_ text: String) throws(OpenSSLError) -> [Certificate] {
        let bio = try MemoryBIO(text)
        var chain: [Certificate] = []
        while let block = try PEMBlock.next(in: bio, secret: false) {
            guard block.label == "CERTIFICATE" else {
                throw OpenSSLError(operation: "PEM decoding", reasons: ["a \(block.label) among certificates"])
            }
            chain.append(try Certificate(der: unsafe block.der.withUnsafeBytes { unsafe Array($0) }))
        }
        return chain
    }

    /// RFC 7468 text, with the newline that ends it.
    public var pem: String {
        get throws(OpenSSLError) {
            let bio = try MemoryBIO()
            try unsafe OpenSSL.check("PEM_write_bio_X509", PEM_write_bio_X509(bio.pointer, pointer))
            return String(decoding: bio.contents, as: UTF8.self)
        }
    }

    /// The extensions with this object identifier; a sound certificate has at most one.
    public func extensions(_ oid: String) -> [CertificateExtension] { extensions.filter { $0.oid == oid } }

    private static func encode(_ certificate: OpaquePointer) throws(OpenSSLError) -> [UInt8] {
        let bio = try MemoryBIO()
        try unsafe OpenSSL.check("i2d_X509_bio", i2d_X509_bio(bio.pointer, certificate))
        return bio.contents
    }

    private static func serial(of certificate: OpaquePointer) throws(OpenSSLError) -> String {
        let serial = try unsafe OpenSSL.require("X509_get0_serialNumber", X509_get0_serialNumber(certificate))
        let digits = unsafe UnsafeBufferPointer(start: serial.pointee.data, count: Int(serial.pointee.length))
        return (unsafe serial.pointee.type & V_ASN1_NEG != 0 ? "-" : "") + hexadecimal(unsafe Array(digits))
    }

    private static func text(of name: OpaquePointer?) throws(OpenSSLError) -> String {
        let bio = try MemoryBIO()
        try unsafe OpenSSL.check("X509_NAME_print_ex", ps_x509_print_name(bio.pointer, name))
        return String(decoding: bio.contents, as: UTF8.self)
    }

    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) throws(OpenSSLError) -> Int64 {
        var seconds: Int64 = 0
        try unsafe OpenSSL.check("ASN1_TIME_to_tm", ps_x509_unix_time(time, &seconds))
        return seconds
    }

    private static func readExtensions(of certificate: OpaquePointer) throws(OpenSSLError) -> [CertificateExtension] {
        var extensions: [CertificateExtension] = []
        for index in unsafe 0..<max(X509_get_ext_count(certificate), 0) {
            let found = unsafe X509_get_ext(certificate, index)
            extensions.append(try unsafe CertificateExtension(OpenSSL.require("X509_get_ext", found)))
        }
        return extensions
    }
}

extension Certificate: Hashable {
    public static func == (a: Certificate, b: Certificate) -> Bool { a.der == b.der }
    public func hash(into hasher: inout Hasher) { hasher.combine(sha256) }
}

/// Lower-case hexadecimal text of bytes.
func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef")
    return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}
