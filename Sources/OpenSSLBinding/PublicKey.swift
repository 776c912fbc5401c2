internal import COpenSSL

/// A public key.
///
/// Sendable because the `EVP_PKEY` is never changed after `init`, and OpenSSL allows concurrent use of such a key.
@safe public final class PublicKey: @unchecked Sendable {
    let pointer: OpaquePointer
    public let kind: Kind
    /// DER SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7), of a key that was read as it was written.
    public let subjectPublicKeyInfo: [UInt8]

    /// What a key is, as far as a policy on keys needs to know.
    public enum Kind: Sendable, Equatable {
        case ecP256
        case ecP384
        case ecP521
        case rsa(bits: Int)
        case ed25519
        /// Any other algorithm, any other curve, a curve given by explicit parameters.
        case other(String)
    }

    /// Takes over the reference, also when it throws.
    convenience init(owning pointer: OpaquePointer) throws(OpenSSLError) {
        try unsafe self.init(owning: pointer, encoded: Self.encode)
    }

    /// The key of a certificate or request, an `X509_PUBKEY` that goes on owning what it has. Its parts are written out
    /// as they were read: to encode the key itself costs OpenSSL 3.0 a search through all its encoders.
    convenience init(info: OpaquePointer?) throws(OpenSSLError) {
        let key = try unsafe OpenSSL.require("X509_PUBKEY_get", X509_PUBKEY_get(info))
        try unsafe self.init(owning: key) { _ throws(OpenSSLError) in
            let bio = try MemoryBIO()
            try unsafe OpenSSL.check("i2d_X509_PUBKEY_bio", i2d_X509_PUBKEY_bio(bio.pointer, info))
            return bio.contents
        }
    }

    private init(
        owning pointer: OpaquePointer, encoded: (OpaquePointer) throws(OpenSSLError) -> [UInt8]
    ) throws(OpenSSLError) {
        do throws(OpenSSLError) {
            subjectPublicKeyInfo = try unsafe encoded(pointer)
        } catch {
            unsafe EVP_PKEY_free(pointer)
            throw error
        }
        unsafe self.pointer = pointer
        kind = unsafe Kind(pointer)
    }

    deinit { unsafe EVP_PKEY_free(pointer) }

    /// Exactly one DER SubjectPublicKeyInfo, encoded as OpenSSL would. Whether its numbers are a key is `isConsistent`.
    public convenience init(subjectPublicKeyInfo der: [UInt8]) throws(OpenSSLError) {
        let parsed = unsafe der.withUnsafeBufferPointer { bytes in
            var cursor = bytes.baseAddress
            return unsafe d2i_PUBKEY(nil, &cursor, bytes.count)
        }
        try unsafe self.init(owning: OpenSSL.require("d2i_PUBKEY", parsed))
        guard subjectPublicKeyInfo == der else {
            throw OpenSSLError(operation: "d2i_PUBKEY", reasons: ["not one DER public key"])
        }
    }

    private static func encode(_ key: OpaquePointer) throws(OpenSSLError) -> [UInt8] {
        let bio = try MemoryBIO()
        try unsafe OpenSSL.check("i2d_PUBKEY_bio", i2d_PUBKEY_bio(bio.pointer, key))
        return bio.contents
    }

    /// Fills the `X509_PUBKEY` of a certificate or request that is being made.
    func write(to info: OpaquePointer?) throws(OpenSSLError) {
        let written = unsafe ps_x509_write_key_info(info, subjectPublicKeyInfo, subjectPublicKeyInfo.count)
        try OpenSSL.check("X509_PUBKEY_set0_param", written)
    }

    /// Whether `signature` is this key's over `message`; see `PrivateKey.sign` for the schemes.
    public func verify(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        guard let scheme = kind.scheme else { return false }
        return verify(signature, of: message, by: scheme)
    }

    /// The same by a scheme of the caller's choice; false for one that keys of this kind do not have.
    public func verify(_ signature: [UInt8], of message: [UInt8], by scheme: SignatureScheme) -> Bool {
        guard scheme.suits(kind), let context = unsafe EVP_MD_CTX_new() else { return false }
        defer { unsafe EVP_MD_CTX_free(context) }
        var keyContext: OpaquePointer?
        let started = unsafe EVP_DigestVerifyInit(context, &keyContext, scheme.digest, nil, pointer)
        guard OpenSSL.holds(started), (try? unsafe scheme.choosePadding(keyContext)) != nil else { return false }
        let result = unsafe EVP_DigestVerify(context, signature, signature.count, message, message.count)
        return OpenSSL.holds(result)
    }

    /// Whether the numbers are a key at all: a point on its curve, a modulus and exponent of the right form. Costly for
    /// RSA.
    public var isConsistent: Bool {
        guard let context = unsafe EVP_PKEY_CTX_new(pointer, nil) else { return false }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        let result = unsafe kind.hasPrimeOrder ? EVP_PKEY_public_check_quick(context) : EVP_PKEY_public_check(context)
        return OpenSSL.holds(result)
    }

    /// Whether `subjectPublicKeyInfo` is how OpenSSL writes this key: nothing stands in it that is not the key.
    public var isCanonical: Bool {
        // The name of a curve and a point leave room for nothing else.
        if kind.hasPrimeOrder { return true }
        return unsafe (try? Self.encode(pointer)) == subjectPublicKeyInfo
    }
}

extension PublicKey {
    /// The point of a key on a curve, whichever way it is written: each coordinate is as long as the curve's numbers. Nil for another key.
    package var coordinates: (x: [UInt8], y: [UInt8])? {
        guard let length = kind.coordinateLength, let x = coordinate(OSSL_PKEY_PARAM_EC_PUB_X, length),
            let y = coordinate(OSSL_PKEY_PARAM_EC_PUB_Y, length)
        else { return nil }
        return (x, y)
    }

    private func coordinate(_ name: String, _ length: Int) -> [UInt8]? {
        var number: OpaquePointer?
        defer { unsafe BN_free(number) }
        guard OpenSSL.holds(unsafe EVP_PKEY_get_bn_param(pointer, name, &number)) else { return nil }
        var bytes = [UInt8](repeating: 0, count: length)
        return unsafe BN_bn2binpad(number, &bytes, Int32(length)) == length ? bytes : nil
    }
}

extension PublicKey: Equatable {
    public static func == (a: PublicKey, b: PublicKey) -> Bool { a.subjectPublicKeyInfo == b.subjectPublicKeyInfo }
}

extension PublicKey.Kind {
    /// On a curve of cofactor 1 every point but the one at infinity has the full order, so that the partial validation of
    /// SP 800-56A section 5.6.2.3.4 says all that the full one does.
    fileprivate var hasPrimeOrder: Bool {
        switch self {
        case .ecP256, .ecP384, .ecP521: true
        case .rsa, .ed25519, .other: false
        }
    }

    fileprivate var coordinateLength: Int? {
        switch self {
        case .ecP256: 32
        case .ecP384: 48
        case .ecP521: 66
        case .rsa, .ed25519, .other: nil
        }
    }

    init(_ key: OpaquePointer) {
        if unsafe EVP_PKEY_is_a(key, "EC") == 1 {
            unsafe self = Self.curve(key)
        } else if unsafe EVP_PKEY_is_a(key, "RSA") == 1 {
            self = unsafe .rsa(bits: Int(EVP_PKEY_get_bits(key)))
        } else if unsafe EVP_PKEY_is_a(key, "ED25519") == 1 {
            self = .ed25519
        } else {
            let name = unsafe EVP_PKEY_get0_type_name(key)
            self = unsafe .other(name.map { unsafe String(cString: $0) } ?? "unknown")
        }
    }

    private static func curve(_ key: OpaquePointer) -> Self {
        var explicit: Int32 = 0
        let known = unsafe EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &explicit)
        guard OpenSSL.holds(known), explicit == 0 else { return .other("EC with explicit parameters") }
        var name = [CChar](repeating: 0, count: 64)
        var count = 0
        let named = unsafe EVP_PKEY_get_group_name(key, &name, name.count, &count)
        guard OpenSSL.holds(named) else { return .other("EC without a name") }
        switch String(decoding: name.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self) {
        case "prime256v1", "P-256": return .ecP256
        case "secp384r1", "P-384": return .ecP384
        case "secp521r1", "P-521": return .ecP521
        case let curve: return .other("EC on \(curve)")
        }
    }
}
