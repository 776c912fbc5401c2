internal import COpenSSL

/// How a message is signed by a key of some kind.
public enum SignatureScheme: Sendable, Equatable, Hashable {
    /// ECDSA, the signature as DER (RFC 3279 section 2.2.3).
    case ecdsa(HashFunction)
    /// RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2).
    case rsaPKCS1(HashFunction)
    /// RSASSA-PSS (RFC 8017 section 8.1) with a salt as long as the digest, and MGF1 with the same hash.
    case rsaPSS(HashFunction)
    /// RFC 8032, which hashes by itself.
    case ed25519

    public enum HashFunction: Sendable, Equatable, Hashable {
        case sha256
        case sha384
        case sha512
    }
}

extension SignatureScheme {
    /// OpenSSL would take the hash and choose another scheme for a key of another kind.
    func suits(_ kind: PublicKey.Kind) -> Bool {
        switch (self, kind) {
        case (.ecdsa, .ecP256), (.ecdsa, .ecP384), (.ecdsa, .ecP521), (.rsaPKCS1, .rsa), (.rsaPSS, .rsa),
            (.ed25519, .ed25519):
            true
        default: false
        }
    }

    var digest: OpaquePointer? {
        switch self {
        case .ecdsa(let hash), .rsaPKCS1(let hash), .rsaPSS(let hash): unsafe hash.digest
        case .ed25519: nil
        }
    }

    func choosePadding(_ context: OpaquePointer?) throws(OpenSSLError) {
        switch self {
        case .ecdsa, .ed25519: return
        case .rsaPKCS1:
            try unsafe OpenSSL.check(
                "EVP_PKEY_CTX_set_rsa_padding", EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING))
        case .rsaPSS:
            try unsafe OpenSSL.check(
                "EVP_PKEY_CTX_set_rsa_padding", EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING))
            try unsafe OpenSSL.check(
                "EVP_PKEY_CTX_set_rsa_pss_saltlen", EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST))
        }
    }
}

extension SignatureScheme.HashFunction {
    /// The digest of `message`, for keys that sign digests.
    public func hash(_ message: [UInt8]) throws(OpenSSLError) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        try unsafe OpenSSL.check("EVP_Digest", EVP_Digest(message, message.count, &digest, &count, self.digest, nil))
        return Array(digest.prefix(Int(count)))
    }

    fileprivate var digest: OpaquePointer? {
        switch self {
        case .sha256: unsafe EVP_sha256()
        case .sha384: unsafe EVP_sha384()
        case .sha512: unsafe EVP_sha512()
        }
    }
}

extension PublicKey.Kind {
    /// What certificates and requests are signed with, and messages where nothing else is said; nil for kinds that are
    /// not ours to use.
    var scheme: SignatureScheme? {
        switch self {
        case .ecP256: .ecdsa(.sha256)
        case .ecP384: .ecdsa(.sha384)
        case .ecP521: .ecdsa(.sha512)
        case .rsa: .rsaPSS(.sha256)
        case .ed25519: .ed25519
        case .other: nil
        }
    }

    var digest: OpaquePointer? { unsafe scheme?.digest }

    /// What certificates and lists of revoked ones are signed with by a key of this kind; nil for kinds that no authority may
    /// have.
    public var certificateScheme: SignatureScheme? {
        switch self {
        case .ecP256: .ecdsa(.sha256)
        case .ecP384: .ecdsa(.sha384)
        case .rsa: .rsaPKCS1(.sha256)
        case .ed25519: .ed25519
        case .ecP521, .other: nil
        }
    }
}

extension SignatureScheme {
    /// OpenSSL's number for the AlgorithmIdentifier of RFC 5758, RFC 4055 or RFC 8410, and whether NULL are its parameters
    /// instead of none; nil for a scheme that signs no certificate.
    var certificateAlgorithm: (nid: Int32, hasNull: Bool)? {
        switch self {
        case .ecdsa(.sha256): (NID_ecdsa_with_SHA256, false)
        case .ecdsa(.sha384): (NID_ecdsa_with_SHA384, false)
        case .ecdsa(.sha512): (NID_ecdsa_with_SHA512, false)
        case .rsaPKCS1(.sha256): (NID_sha256WithRSAEncryption, true)
        case .rsaPKCS1(.sha384): (NID_sha384WithRSAEncryption, true)
        case .rsaPKCS1(.sha512): (NID_sha512WithRSAEncryption, true)
        case .ed25519: (NID_ED25519, false)
        case .rsaPSS: nil
        }
    }
}
