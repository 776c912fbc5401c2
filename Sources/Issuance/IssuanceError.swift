public import Identity
public import JOSE
public import OpenSSLBinding
internal import PrintableText

/// Why a certificate was not issued.
public enum IssuanceError: Error, Sendable, Equatable {
    // The request
    case unreadableRequest(String)
    case requestTooLarge(bytes: Int)
    case requestNotSelfSigned
    case unacceptableKey(String)
    /// For a CA below ours it names something else than the trust domain.
    case requestForOther(TrustDomain)

    // The plan
    case reservedID(SPIFFEID)
    case foreignTrustDomain(SPIFFEID)
    case badName(SPIFFEIDError)
    case badDNSName(String)
    case tooManyDNSNames(Int)
    case badLifetime(seconds: Int64)

    // The authority
    case notAnAuthority(SVIDRejection)
    case authorityKeyMismatch
    case authorityNotValid(now: Int64)
    /// A path length, its own or one above, leaves no room for a CA below it.
    case noRoomBelow
    /// The authority above does not make one below it.
    case badUpstream(String)
    /// It was asked in vain.
    case upstream(UpstreamError)

    // The finished certificate
    case rejected(SVIDRejection)
    case differsFromPlan(PlannedFact)

    // The finished revocation list
    case listRejected(RevocationListRejection)

    // The finished token
    case tokenRejected(JWTRejection)
    case tokenDiffersFromPlan

    /// The authority's key did not sign.
    case signing(SigningError)
    case openSSL(OpenSSLError)

    /// What of a finished certificate is compared with its plan.
    public enum PlannedFact: Sendable, Equatable {
        case id
        case binding
        case alternativeNames
        case publicKey
        case validity
        case keyUsage
        case extensions
        case subject
    }
}

extension IssuanceError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unreadableRequest(let reason): "the certificate request cannot be read: \(reason)"
        case .requestTooLarge(let bytes): "the certificate request has \(bytes) bytes"
        case .requestNotSelfSigned: "the certificate request is not signed by its own key"
        case .unacceptableKey(let key): "the key is not acceptable: \(key)"
        case .requestForOther(let trustDomain):
            "the certificate request is not for \(SPIFFEID(trustDomain)) and nothing else"
        case .reservedID(let id): "\(id) is reserved for Podshield's own use"
        case .foreignTrustDomain(let id): "\(id) is of another trust domain"
        case .badName(let reason): "\(reason)"
        case .badDNSName(let name): "\(name.quoted) is no DNS name"
        case .tooManyDNSNames(let count): "\(count) DNS names are too many, \(IssuancePlan.mostDNSNames) are allowed"
        case .badLifetime(let seconds): "a lifetime of \(seconds) seconds is not possible"
        case .notAnAuthority(let reason): "the certificate is no authority: \(reason)"
        case .authorityKeyMismatch: "the authority's private key is not its certificate's"
        case .authorityNotValid(let now): "the authority's certificate is not valid at \(now)"
        case .noRoomBelow:
            "the CA that signs, or one above it, has no room for another below: if the limit is its own, prepare the next and activate it"
        case .badUpstream(let reason): "the authority above cannot be used: \(reason)"
        case .upstream(let error): error.reason
        case .rejected(let reason): "the finished certificate is not valid: \(reason)"
        case .differsFromPlan(let fact): "the finished certificate differs from its plan: \(fact)"
        case .listRejected(let reason): "the finished revocation list is refused: \(reason)"
        case .tokenRejected(let reason): "the finished token is not valid: \(reason)"
        case .tokenDiffersFromPlan: "the finished token differs from its plan"
        case .signing(let error): "\(error)"
        case .openSSL(let error): "\(error)"
        }
    }
}
