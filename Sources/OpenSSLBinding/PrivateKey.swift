internal import COpenSSL
internal import Synchronization

/// A private key. It cannot be printed or encoded by accident; its PKCS#8 form leaves only as `SecretBytes`.
///
/// Sendable because the `EVP_PKEY` is never changed after `init`, and OpenSSL allows concurrent use of such a key.
@safe public final class PrivateKey: @unchecked Sendable {
    let pointer: OpaquePointer
    public let publicKey: PublicKey
    private let encoding = Mutex<SecretBytes?>(nil)
    private let begun = Mutex<[SignatureScheme: SignatureContext]>([:])

    /// Takes over the reference, also when it throws.
    init(owning pointer: OpaquePointer) throws(OpenSSLError) {
        do throws(OpenSSLError) {
            try unsafe OpenSSL.check("EVP_PKEY_up_ref", EVP_PKEY_up_ref(pointer))
            publicKey = try unsafe PublicKey(owning: pointer)
        } catch {
            unsafe EVP_PKEY_free(pointer)
            throw error
        }
        unsafe self.pointer = pointer
    }

    deinit { unsafe EVP_PKEY_free(pointer) }

    public static func generate(_ algorithm: KeyAlgorithm = .ecP256) throws(OpenSSLError) -> PrivateKey {
        let key =
            switch algorithm {
            case .ecP256: unsafe ps_key_generate_ec("P-256")
            case .ecP384: unsafe ps_key_generate_ec("P-384")
            case .rsa2048: unsafe ps_key_generate_rsa(2048)
            case .rsa4096: unsafe ps_key_generate_rsa(4096)
            case .ed25519: unsafe ps_key_generate_ed25519()
            }
        return try unsafe PrivateKey(owning: OpenSSL.require("EVP_PKEY_Q_keygen", key))
    }

    /// One unencrypted PKCS#8 block, `PRIVATE KEY` (RFC 7468 section 10), and nothing after it.
    public convenience init(pem: SecretBytes) throws(OpenSSLError) {
        let bio = try MemoryBIO(pem)
        guard let block = try PEMBlock.next(in: bio, secret: true), block.label == "PRIVATE KEY" else {
            throw OpenSSLError(operation: "PEM decoding", reasons: ["no unencrypted PKCS#8 private key"])
        }
        guard try PEMBlock.next(in: bio, secret: true) == nil else {
            throw OpenSSLError(operation: "PEM decoding", reasons: ["more than one PEM block"])
        }
        try self.init(pkcs8DER: block.der)
    }

    /// One PKCS#8 block that `sealedPEM` has written, `ENCRYPTED PRIVATE KEY` (RFC 7468 section 11), and nothing after it.
    public convenience init(sealedPEM: SecretBytes, by secret: SecretBytes) throws(OpenSSLError) {
        let bio = try MemoryBIO(sealedPEM)
        guard let block = try PEMBlock.next(in: bio, secret: true), block.label == "ENCRYPTED PRIVATE KEY",
            try PEMBlock.next(in: bio, secret: true) == nil
        else { throw OpenSSLError(operation: "PEM decoding", reasons: ["no encrypted PKCS#8 private key alone"]) }
        let key = unsafe block.der.withUnsafeBytes { bytes in
            unsafe secret.withUnsafeBytes { secret in
                unsafe ps_key_from_sealed(
                    bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count, secret.baseAddress,
                    secret.count)
            }
        }
        try unsafe self.init(owning: OpenSSL.require(Self.unsealing, key))
    }

    /// The operation of the error where the secret does not fit.
    public static let unsealing = "PKCS8_decrypt"

    /// Encrypted for whoever knows a secret, which has to be as random as a key is (PKCS #8 with PBES2, RFC 8018).
    public func sealedPEM(by secret: SecretBytes) throws(OpenSSLError) -> SecretBytes {
        let bio = try MemoryBIO(secret: true)
        let result = unsafe secret.withUnsafeBytes { secret in
            unsafe ps_key_write_sealed(bio.pointer, pointer, secret.baseAddress, secret.count)
        }
        try OpenSSL.check("PKCS8_set0_pbe", result)
        return bio.secretContents
    }

    /// An unencrypted PKCS#8 PrivateKeyInfo (RFC 5208) and no byte more.
    public convenience init(pkcs8DER: SecretBytes) throws(OpenSSLError) {
        let key = unsafe pkcs8DER.withUnsafeBytes { bytes in
            unsafe ps_key_from_pkcs8(bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
        }
        try unsafe self.init(owning: OpenSSL.require("d2i_PKCS8_PRIV_KEY_INFO", key))
    }

    public func pkcs8PEM() throws(OpenSSLError) -> SecretBytes {
        let bio = try MemoryBIO(secret: true)
        let result = unsafe PEM_write_bio_PKCS8PrivateKey(bio.pointer, pointer, nil, nil, 0, nil, nil)
        try OpenSSL.check("PEM_write_bio_PKCS8PrivateKey", result)
        return bio.secretContents
    }

    /// Encoded once and then kept: for each encoding OpenSSL 3 searches all of its encoders, which takes longer than to sign.
    public func pkcs8DER() throws(OpenSSLError) -> SecretBytes {
        try encoding.withLock { (kept) throws(OpenSSLError) in
            if let kept { return kept }
            let bio = try MemoryBIO(secret: true)
            let result = unsafe i2d_PKCS8PrivateKey_bio(bio.pointer, pointer, nil, nil, 0, nil, nil)
            try OpenSSL.check("i2d_PKCS8PrivateKey_bio", result)
            let encoded = bio.secretContents
            kept = encoded
            return encoded
        }
    }

    /// Signs as `PublicKey.verify` checks: ECDSA (DER) with SHA-256 or, on P-384, SHA-384; RSA-PSS with SHA-256 and a
    /// salt as long as the digest; Ed25519.
    public func sign(_ message: [UInt8]) throws(OpenSSLError) -> [UInt8] {
        guard let scheme = publicKey.kind.scheme else {
            throw OpenSSLError(operation: "EVP_DigestSign", reasons: ["no scheme for a key of kind \(publicKey.kind)"])
        }
        return try signature(of: message, by: scheme)
    }

    func signature(of message: [UInt8], by scheme: SignatureScheme) throws(OpenSSLError) -> [UInt8] {
        // OpenSSL would quietly choose another.
        guard scheme.suits(publicKey.kind) else {
            throw OpenSSLError(operation: "EVP_DigestSign", reasons: ["the scheme is of another kind of key"])
        }
        return try context(scheme).signature(of: message)
    }

    /// One that nobody else has. OpenSSL 3.0 copies none of Ed25519.
    private func context(_ scheme: SignatureScheme) throws(OpenSSLError) -> SignatureContext {
        guard scheme != .ed25519 else { return try unsafe SignatureContext(pointer, scheme) }
        let begun = try begun.withLock { (kept) throws(OpenSSLError) in
            if let context = kept[scheme] { return context }
            let context = try unsafe SignatureContext(pointer, scheme)
            kept[scheme] = context
            return context
        }
        return try SignatureContext(copying: begun)
    }
}
