internal import Identity
internal import OpenSSLBinding

/// Public keys as JWKs (RFC 7517, RFC 7518 section 6, RFC 8037), by way of the DER SubjectPublicKeyInfo that both forms
/// share.
enum JSONWebKey {
    /// The members that are the key, in the order of RFC 7638; nil for a kind that no certificate or token of ours has.
    static func members(of key: PublicKey) -> JSONObject? {
        switch key.kind {
        case .ecP256, .ecP384, .ecP521: return ecMembers(key)
        case .rsa: return try? rsaMembers(keyBits(of: key))
        case .ed25519:
            guard let bits = try? keyBits(of: key) else { return nil }
            return JSONObject(["crv": "Ed25519", "kty": "OKP", "x": .string(Base64.url.encode(bits))])
        case .other: return nil
        }
    }

    /// SHA-256 of those members (RFC 7638), in base64url.
    static func thumbprint(of key: PublicKey) -> String? {
        members(of: key).map { Base64.url.encode(SHA256Digest.hash(Array($0.encoded.utf8))) }
    }

    private static func keyBits(of key: PublicKey) throws(DERError) -> [UInt8] {
        var fields = DERReader(try DERReader.only(.sequence, in: key.subjectPublicKeyInfo))
        _ = try fields.read(.sequence)
        // The first byte counts unused bits, and there are none.
        return Array(try fields.read(.bitString).dropFirst())
    }

    /// A certificate may have the point compressed (RFC 5480 section 2.2), a JWK does not.
    private static func ecMembers(_ key: PublicKey) -> JSONObject? {
        guard let curve = Curve(key.kind), let (x, y) = key.coordinates else { return nil }
        return JSONObject([
            "crv": .string(curve.rawValue), "kty": "EC", "x": .string(Base64.url.encode(x)),
            "y": .string(Base64.url.encode(y)),
        ])
    }

    private static func rsaMembers(_ bits: [UInt8]) throws(DERError) -> JSONObject {
        var numbers = DERReader(try DERReader.only(.sequence, in: bits))
        let modulus = Base64.url.encode(try numbers.readMagnitude())
        let exponent = Base64.url.encode(try numbers.readMagnitude())
        return JSONObject(["e": .string(exponent), "kty": "RSA", "n": .string(modulus)])
    }

    // MARK: Reading

    /// The key of a JWK that tokens may be signed with: EC or RSA, its numbers in their one encoding and a sound key.
    /// Nil for any other, and for one that gives its private part away.
    static func signatureKey(_ members: JSONObject) -> PublicKey? {
        let isPrivate = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].contains { members[$0] != nil }
        guard !isPrivate, let der = subjectPublicKeyInfo(members),
            let key = try? PublicKey(subjectPublicKeyInfo: der), JWTAuthority.accepts(key.kind)
        else { return nil }
        // Costly for RSA, where a modulus of no use harms nobody but who published it.
        if case .rsa = key.kind { return key }
        return key.isConsistent ? key : nil
    }

    private static func subjectPublicKeyInfo(_ members: JSONObject) -> [UInt8]? {
        if members["kty"].isText("EC") { return ecInfo(members) }
        return members["kty"].isText("RSA") ? rsaInfo(members) : nil
    }

    private static func ecInfo(_ members: JSONObject) -> [UInt8]? {
        guard let curve = members["crv"]?.text.flatMap(Curve.init(rawValue:)), let x = bytes(members["x"]),
            let y = bytes(members["y"]),
            x.count == curve.bytes, y.count == curve.bytes
        else { return nil }
        let algorithm = DER.sequence(
            DER.element(.objectIdentifier, ecPublicKey), DER.element(.objectIdentifier, curve.oid))
        return DER.sequence(algorithm, DER.element(.bitString, [0, 4] + x + y))
    }

    /// The exponent within 32 bits and odd: larger ones only make verification expensive.
    private static func rsaInfo(_ members: JSONObject) -> [UInt8]? {
        guard let modulus = bytes(members["n"]), let exponent = bytes(members["e"]), modulus.first != 0,
            (1...4).contains(exponent.count), exponent.first != 0, let last = exponent.last, last & 1 == 1,
            exponent != [1], modulus.count <= largestModulus
        else { return nil }
        let algorithm = DER.sequence(DER.element(.objectIdentifier, rsaEncryption), DER.element(.null, []))
        let numbers = DER.sequence(DER.integer(magnitude: modulus), DER.integer(magnitude: exponent))
        return DER.sequence(algorithm, DER.element(.bitString, [0] + numbers))
    }

    private static let largestModulus = 1024

    private static func bytes(_ value: JSONValue?) -> [UInt8]? { value?.text.flatMap { Base64.url.decode($0.utf8) } }

    // MARK: Names

    private enum Curve: String {
        case p256 = "P-256"
        case p384 = "P-384"
        case p521 = "P-521"

        init?(_ kind: PublicKey.Kind) {
            switch kind {
            case .ecP256: self = .p256
            case .ecP384: self = .p384
            case .ecP521: self = .p521
            default: return nil
            }
        }

        /// Of a coordinate.
        var bytes: Int {
            switch self {
            case .p256: 32
            case .p384: 48
            case .p521: 66
            }
        }

        /// secp256r1, secp384r1, secp521r1 (RFC 5480 section 2.1.1.1).
        var oid: [UInt8] {
            switch self {
            case .p256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]
            case .p384: [0x2b, 0x81, 4, 0, 34]
            case .p521: [0x2b, 0x81, 4, 0, 35]
            }
        }
    }

    /// 1.2.840.10045.2.1
    private static let ecPublicKey: [UInt8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]
    /// 1.2.840.113549.1.1.1
    private static let rsaEncryption: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]
}

extension JSONValue: ExpressibleByStringLiteral {
    public init(stringLiteral text: String) { self = .string(text) }
}
