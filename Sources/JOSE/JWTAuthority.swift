internal import Identity
public import OpenSSLBinding

/// A public key that JWT-SVIDs of a trust domain may be signed with (JWT-SVID section 6.1).
public struct JWTAuthority: Sendable, Equatable {
    /// 1 to 256 printable ASCII characters.
    public let keyID: String
    public let key: PublicKey
    /// The one algorithm that the key is for; nil for any that suits it.
    public let algorithm: JWSAlgorithm?
    /// What it signed is to be replaced: good until the key is taken out, and given to nobody any more.
    public var isTainted = false

    public static let longestKeyID = 256

    /// Nil for a key that tokens may not be signed with, a bad key ID, or an algorithm for other keys.
    public init?(keyID: String, key: PublicKey, algorithm: JWSAlgorithm? = nil) {
        guard (1...Self.longestKeyID).contains(keyID.utf8.count), keyID.utf8.allSatisfy({ (0x21...0x7e).contains($0) }),
            Self.accepts(key.kind), algorithm?.suits(key.kind) ?? true
        else { return nil }
        self.keyID = keyID
        self.key = key
        self.algorithm = algorithm
    }

    /// One of our own keys, named by its thumbprint (RFC 7638). Nil unless the key leaves no choice of the algorithm.
    public init?(_ key: PublicKey) {
        guard let algorithm = JWSAlgorithm(signingWith: key.kind), let keyID = JSONWebKey.thumbprint(of: key) else {
            return nil
        }
        self.init(keyID: keyID, key: key, algorithm: algorithm)
    }

    static func accepts(_ kind: PublicKey.Kind) -> Bool {
        switch kind {
        case .ecP521: true
        case .ed25519: false
        default: KeyPolicy.accepts(kind)
        }
    }
}
