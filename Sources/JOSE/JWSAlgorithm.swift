internal import Identity
public import OpenSSLBinding

/// The algorithms that a JWT-SVID may be signed with (JWT-SVID section 2.1, RFC 7518 section 3.1), and no other.
public enum JWSAlgorithm: String, Sendable, CaseIterable {
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"

    /// Exactly this name: neither folded nor normalized.
    init?(named text: String) {
        guard let algorithm = Self.allCases.first(where: { $0.rawValue.isSameText(as: text) }) else { return nil }
        self = algorithm
    }

    /// The one that keys of this kind sign with; nil where there is a choice or none.
    public init?(signingWith kind: PublicKey.Kind) {
        switch kind {
        case .ecP256: self = .es256
        case .ecP384: self = .es384
        case .ecP521: self = .es512
        case .rsa, .ed25519, .other: return nil
        }
    }

    private var scheme: SignatureScheme {
        switch self {
        case .rs256: .rsaPKCS1(.sha256)
        case .rs384: .rsaPKCS1(.sha384)
        case .rs512: .rsaPKCS1(.sha512)
        case .es256: .ecdsa(.sha256)
        case .es384: .ecdsa(.sha384)
        case .es512: .ecdsa(.sha512)
        case .ps256: .rsaPSS(.sha256)
        case .ps384: .rsaPSS(.sha384)
        case .ps512: .rsaPSS(.sha512)
        }
    }

    /// ES algorithms name their curve (RFC 7518 section 3.4); the others take RSA keys.
    func suits(_ kind: PublicKey.Kind) -> Bool {
        switch self {
        case .es256: kind == .ecP256
        case .es384: kind == .ecP384
        case .es512: kind == .ecP521
        default: if case .rsa = kind { true } else { false }
        }
    }

    /// Bytes of each of the two numbers of an ECDSA signature; nil for RSA.
    private var coordinateBytes: Int? {
        switch self {
        case .es256: 32
        case .es384: 48
        case .es512: 66
        default: nil
        }
    }

    /// Whether `signature`, as JWS writes it, is that of `key` over `message`.
    func verify(_ signature: [UInt8], of message: [UInt8], with key: PublicKey) -> Bool {
        guard suits(key.kind) else { return false }
        guard let bytes = coordinateBytes else { return key.verify(signature, of: message, by: scheme) }
        guard signature.count == 2 * bytes else { return false }
        let der = DER.sequence(
            DER.integer(magnitude: signature[..<bytes]), DER.integer(magnitude: signature[bytes...]))
        return key.verify(der, of: message, by: scheme)
    }

    /// A signature as JWS writes it, by a key of the algorithm's own kind. Only the ES algorithms are signed with.
    package func sign(_ message: [UInt8], with key: PrivateKey) throws(OpenSSLError) -> [UInt8] {
        guard let bytes = coordinateBytes, suits(key.publicKey.kind) else {
            throw OpenSSLError(operation: "JWS signing", reasons: ["\(rawValue) with a key of \(key.publicKey.kind)"])
        }
        let der = try key.sign(message)
        do throws(DERError) {
            var numbers = DERReader(try DERReader.only(.sequence, in: der))
            return try numbers.readMagnitude(bytes) + numbers.readMagnitude(bytes)
        } catch {
            throw OpenSSLError(operation: "JWS signing", reasons: ["\(error) in an ECDSA signature"])
        }
    }
}

extension DERReader {
    /// A positive INTEGER, left-padded to so many bytes.
    fileprivate mutating func readMagnitude(_ bytes: Int) throws(DERError) -> [UInt8] {
        let magnitude = try readMagnitude()
        guard magnitude.count <= bytes else { throw .badValue }
        return Array(repeating: 0, count: bytes - magnitude.count) + magnitude
    }
}
