internal import OpenSSLBinding

/// A signed token in compact serialization (RFC 7515 section 3.1), taken apart and not yet believed. Its header has
/// passed: an algorithm that is allowed, and no member that could lead anybody astray, as `jwk`, `jku`, `x5c` and
/// `crit` would.
struct CompactJWS {
    let algorithm: JWSAlgorithm
    let keyID: String?
    let payload: [UInt8]
    private let signingInput: [UInt8]
    private let signature: [UInt8]

    /// Longest token, in bytes: more than HTTP servers take in a header.
    static let longest = 16384
    static let longestHeader = 1024

    init(_ token: String) throws(JWTRejection) {
        let text = Array(token.utf8)
        guard text.count <= Self.longest else { throw .tooLong(bytes: text.count) }
        let parts = text.split(separator: UInt8(ascii: "."), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw .notThreeParts }
        let header = try Self.decode(parts[0], "header")
        guard header.count <= Self.longestHeader else { throw .tooLong(bytes: header.count) }
        (algorithm, keyID) = try Self.check(header)
        payload = try Self.decode(parts[1], "payload")
        signature = try Self.decode(parts[2], "signature")
        signingInput = Array(text[..<parts[1].endIndex])
    }

    private static func decode(_ part: ArraySlice<UInt8>, _ name: String) throws(JWTRejection) -> [UInt8] {
        guard let bytes = Base64.url.decode(part) else { throw .notBase64URL(part: name) }
        return bytes
    }

    /// JWT-SVID section 2: `alg`, `kid`, `typ`, and nothing else.
    private static func check(_ header: [UInt8]) throws(JWTRejection) -> (JWSAlgorithm, keyID: String?) {
        let members: JSONObject
        do throws(JSONError) { members = try JSONObject(header) } catch { throw .notJSON(part: "header", error) }
        for (name, _) in members.members where !["alg", "kid", "typ"].contains(where: name.isSameText) {
            throw .forbiddenHeader(name)
        }
        guard let name = members["alg"]?.text, let algorithm = JWSAlgorithm(named: name) else {
            throw .forbiddenAlgorithm(members["alg"]?.encoded ?? "none at all")
        }
        if let type = members["typ"] {
            guard let text = type.text, ["JWT", "JOSE"].contains(where: text.isSameText) else {
                throw .wrongType(type.encoded)
            }
        }
        guard let keyID = members["kid"] else { return (algorithm, nil) }
        guard let keyID = keyID.text else { throw .malformedClaim("kid") }
        return (algorithm, keyID)
    }

    func isSigned(by key: PublicKey) -> Bool { algorithm.verify(signature, of: signingInput, with: key) }
}

extension CompactJWS {
    /// Signs: header and payload as given, the algorithm by the key.
    static func sign(
        header: JSONObject, payload: JSONObject, _ algorithm: JWSAlgorithm, with key: PrivateKey
    ) throws(OpenSSLError) -> String {
        let parts = [header, payload].map { Base64.url.encode(Array($0.encoded.utf8)) }
        let input = parts.joined(separator: ".")
        return "\(input).\(Base64.url.encode(try algorithm.sign(Array(input.utf8), with: key)))"
    }
}
