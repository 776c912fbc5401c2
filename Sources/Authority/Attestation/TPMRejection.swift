internal import PrintableText
public import TrustedPlatform

/// Why a TPM lets no node in.
public enum TPMRejection: Error, Sendable, Equatable {
    /// This authority was told of no TPMs.
    case notConfigured
    // The endorsement key
    case tooMuch
    /// Not an RSA key with 2048 bits, or not encoded as such keys are.
    case unsuitableKey
    /// Neither in the list, nor with a certificate for which somebody vouches; its SHA-256.
    case unknownKey(String)
    /// The list denies the key; its SHA-256.
    case deniedKey(String)
    /// The list says that another TPM has the name that this one's certificate says.
    case listedName(String)
    /// The list cannot be had: not the node's fault.
    case noList(String)
    // Its certificate
    case unreadable(String)
    case otherKey
    case unknownIssuer
    case expired
    case notYetValid
    case invalidPath(String)
    /// It does not say that its key is a TPM's endorsement key.
    case notForEndorsement
    case noName
    case badName(String)
    // The attestation key
    case attestationKey(AttestationKeyError)
    // The answer
    /// The secret is not the one of a challenge for these keys, this connection and this request, or it is too late.
    case otherChallenge
    case late
    case quote(TPMFormatError)
    /// Not signed by the attestation key, or for another connection, request or challenge.
    case otherQuote
    case otherRegisters
    /// The registers do not have the values that they should.
    case changedRegisters
    case internalFailure(String)
}

extension TPMRejection: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notConfigured: "this authority lets no nodes in by their TPMs"
        case .tooMuch: "its keys and its certificate are too long"
        case .unsuitableKey: "its endorsement key is not RSA with 2048 bits"
        case .unknownKey(let key):
            "its endorsement key is in no list, and nobody vouches for it; the SHA-256 of the key is \(key)"
        case .deniedKey(let key): "the list denies its endorsement key, whose SHA-256 is \(key)"
        case .listedName(let name):
            "its endorsement certificate names \(name.quoted), which is another TPM's in the list"
        case .noList(let reason): "the list of TPMs cannot be had: \(reason)"
        case .unreadable(let reason): "its endorsement certificate cannot be read: \(reason)"
        case .otherKey: "its endorsement certificate is another key's"
        case .unknownIssuer: "no issuer of endorsement certificates vouches for it"
        case .expired: "its endorsement certificate, or one that issued it, has expired"
        case .notYetValid: "its endorsement certificate, or one that issued it, is not valid yet"
        case .invalidPath(let reason): "the chain of its endorsement certificate is not valid: \(reason)"
        case .notForEndorsement: "its certificate is not for the endorsement key of a TPM"
        case .noName: "its endorsement certificate does not have one common name"
        case .badName(let name): "its endorsement certificate names \(name.quoted), which is no name for a node"
        case .attestationKey(let error): "its attestation key: \(error)"
        case .otherChallenge: "the answer is to none of the challenges for these keys, this connection and this request"
        case .late: "the answer came too late"
        case .quote(let error): "its quote: \(error)"
        case .otherQuote:
            "the quote is not by its attestation key, or not of this connection, request and challenge"
        case .otherRegisters: "the quote is of other registers than it should be"
        case .changedRegisters: "its platform registers do not have the values that they should"
        case .internalFailure(let reason): reason
        }
    }
}
