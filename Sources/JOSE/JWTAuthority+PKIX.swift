internal import OpenSSLBinding

extension JWTAuthority {
    /// More than an RSA key of the longest that is accepted takes.
    public static let longestPKIX = 2048

    /// A key that somebody else signs with, as SPIRE's API has it: PKIX in DER, and nothing after it. Nil unless it is sound and leaves no
    /// choice of the algorithm: whoever verifies goes by the key then, and by nothing that a token says.
    public init?(keyID: String, pkix der: [UInt8]) {
        guard der.count <= Self.longestPKIX, let key = try? PublicKey(subjectPublicKeyInfo: der),
            let algorithm = JWSAlgorithm(signingWith: key.kind), key.isConsistent, key.isCanonical
        else { return nil }
        self.init(keyID: keyID, key: key, algorithm: algorithm)
    }
}
