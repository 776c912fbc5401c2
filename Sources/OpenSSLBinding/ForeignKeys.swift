internal import COpenSSL

// What keys outside of OpenSSL show in forms of their own.

extension PublicKey {
    /// An RSA key from its big-endian numbers.
    public convenience init(rsaModulus modulus: [UInt8], exponent: [UInt8]) throws(OpenSSLError) {
        let key = unsafe ps_key_from_rsa(modulus, Int32(modulus.count), exponent, Int32(exponent.count))
        try unsafe self.init(owning: OpenSSL.require("EVP_PKEY_fromdata", key))
    }

    /// A key on P-256 from the coordinates of its point, 32 bytes each. Whether it is one is `isConsistent`.
    public convenience init(p256X x: [UInt8], y: [UInt8]) throws(OpenSSLError) {
        guard x.count == 32, y.count == 32 else {
            throw OpenSSLError(operation: "a point on P-256", reasons: ["\(x.count) and \(y.count) bytes"])
        }
        try self.init(subjectPublicKeyInfo: Self.p256Prefix + x + y)
    }

    /// Up to the coordinates of an uncompressed point (RFC 5480 section 2).
    private static let p256Prefix: [UInt8] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
        0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
    ]

    /// The one `PUBLIC KEY` block (RFC 7468 section 13) of a text.
    public convenience init(pem: String) throws(OpenSSLError) {
        guard let block = try PEMBlock.next(in: MemoryBIO(pem), secret: false), block.label == "PUBLIC KEY" else {
            throw OpenSSLError(operation: "PEM decoding", reasons: ["no public key"])
        }
        try self.init(subjectPublicKeyInfo: unsafe block.der.withUnsafeBytes { unsafe Array($0) })
    }
}

/// An ECDSA signature in both of its forms.
public enum ECDSASignature {
    /// DER (RFC 3279 section 2.2.3) of a signature given as r and s, big-endian and of equal length (PKCS #11, JWS).
    public static func der(concatenated: [UInt8]) throws(OpenSSLError) -> [UInt8] {
        let half = concatenated.count / 2
        guard half > 0, concatenated.count == 2 * half else {
            throw OpenSSLError(operation: "ECDSA signature", reasons: ["it has \(concatenated.count) bytes"])
        }
        let signature = try unsafe OpenSSL.require("ECDSA_SIG_new", ECDSA_SIG_new())
        defer { unsafe ECDSA_SIG_free(signature) }
        let r = try unsafe number(concatenated.prefix(half))
        let s = try unsafe number(concatenated.suffix(half))
        // Takes both over.
        try unsafe OpenSSL.check("ECDSA_SIG_set0", ECDSA_SIG_set0(signature, r, s))
        var der: UnsafeMutablePointer<UInt8>?
        let count = unsafe i2d_ECDSA_SIG(signature, &der)
        try OpenSSL.check("i2d_ECDSA_SIG", count)
        defer { unsafe ps_memory_free(der) }
        return unsafe Array(UnsafeBufferPointer(start: der, count: Int(count)))
    }

    private static func number(_ bytes: ArraySlice<UInt8>) throws(OpenSSLError) -> OpaquePointer {
        try unsafe OpenSSL.require("BN_bin2bn", BN_bin2bn(Array(bytes), Int32(bytes.count), nil))
    }
}
