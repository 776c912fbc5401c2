public import Identity
internal import PrintableText

/// Why a text is no JWT-SVID for an audience.
public enum JWTRejection: Error, Sendable, Equatable {
    // The serialization (RFC 7515 section 3.1)
    case tooLong(bytes: Int)
    case notThreeParts
    case notBase64URL(part: String)
    case notJSON(part: String, JSONError)

    // The header (JWT-SVID section 2)
    case forbiddenHeader(String)
    /// As the token says it.
    case forbiddenAlgorithm(String)
    case wrongType(String)
    case noKeyID

    // The claims (JWT-SVID section 3)
    case missingClaim(String)
    case malformedClaim(String)
    case badID(SPIFFEIDError)
    case idWithoutPath(SPIFFEID)
    case otherAudience
    case expired(at: Int64)
    case notYetValid(from: Int64)

    // The signature (JWT-SVID section 4)
    case foreignTrustDomain(TrustDomain)
    case unknownKey(String)
    case algorithmOfAnotherKey(JWSAlgorithm)
    case badSignature
}

extension JWTRejection: CustomStringConvertible {
    public var description: String {
        switch self {
        case .tooLong(let bytes): "the token, or its header, has \(bytes) bytes"
        case .notThreeParts: "the token has not three parts"
        case .notBase64URL(let part): "the token's \(part) is not base64url"
        case .notJSON(let part, let error): "the token's \(part): \(error)"
        case .forbiddenHeader(let name): "the token's header has \(name.quoted)"
        case .forbiddenAlgorithm(let name): "the token's algorithm is \(name.quoted)"
        case .wrongType(let type): "the token's type is \(type.quoted)"
        case .noKeyID: "the token does not say which key signed it"
        case .missingClaim(let name): "the token has no \(name)"
        case .malformedClaim(let name): "\(name) of the token is not what it must be"
        case .badID(let error): "the token's subject: \(error)"
        case .idWithoutPath(let id): "the token's subject \(id) has no path"
        case .otherAudience: "the token is for another audience"
        case .expired(let time): "the token expired at \(time)"
        case .notYetValid(let time): "the token is not valid before \(time): is this machine's clock right?"
        case .foreignTrustDomain(let domain): "no keys of trust domain \(domain) are known"
        case .unknownKey(let keyID): "the token's key \(keyID.quoted) is unknown"
        case .algorithmOfAnotherKey(let algorithm): "the token's key does not sign by \(algorithm.rawValue)"
        case .badSignature: "the token's signature does not hold"
        }
    }
}

extension JSONError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notUTF8: "it is not UTF-8"
        case .unexpected(let place): "it is no JSON from byte \(place) on"
        case .tooDeep: "it is nested too deep"
        case .duplicateMember(let name): "member \(name.quoted) occurs twice"
        case .numberOutOfRange: "a number in it is out of range"
        case .loneSurrogate: "half of a surrogate pair is in it"
        case .notAnObject: "it is no JSON object"
        }
    }
}
