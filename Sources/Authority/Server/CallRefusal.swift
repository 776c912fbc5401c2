public import AuthorityAPI
internal import GRPCCore
public import Identity
public import Issuance
internal import PrintableText

/// Why a call was not answered.
public enum CallRefusal: Error, Sendable, Equatable {
    /// The connection came without a certificate.
    case anonymous
    case expired(SPIFFEID)
    case unknownNode(SPIFFEID)
    case banned(SPIFFEID)
    /// The certificate, the name, or the entry that it is had by.
    case revoked(SPIFFEID)
    /// The SVID is of before the node joined again.
    case superseded(SPIFFEID)
    /// Its SVID is of a CA that is none of this authority's, such as one below, or of one that is here no more.
    case issuedElsewhere(SPIFFEID)
    /// Its TPM let it in, and it renews without.
    case tpmNeeded(SPIFFEID)
    case tooManyCalls
    /// Of the other authorities nothing is heard.
    case cutOff
    case malformed(String)
    case notRegistered(PodFacts)
    /// The entry of its SVID is gone, or does not say that it may have a CA of its own.
    case notDownstream(SPIFFEID)
    case noSuchEntry(String)
    /// Keys for JWT-SVIDs of authorities below are not published here.
    case keysNotTaken
    /// Another key has this ID, or another ID has this key.
    case keyTaken(String)
    case tooManyKeys
    case issuance(IssuanceError)
    case join(JoinRefusal)
    case registry(RegistryError)
    case internalFailure(String)
}

extension CallRefusal: CustomStringConvertible {
    public var description: String {
        switch self {
        case .anonymous: "this call needs a node's certificate"
        case .expired(let id): "the SVID of \(id) has expired"
        case .unknownNode(let id): "\(id) has not joined"
        case .banned(let id): "\(id) is banned"
        case .revoked(let id): "\(id) is revoked"
        case .superseded(let id): "\(id) has joined again since this SVID was issued"
        case .issuedElsewhere(let id): "the SVID of \(id) is of no CA that this authority has"
        case .tpmNeeded(let id): "\(id) has joined by its TPM, which has to answer when it renews"
        case .tooManyCalls: "too many calls"
        case .cutOff: "this authority is cut off from the others"
        case .malformed(let what): what
        case .notRegistered(let pod): "no registration matches pod \(pod.namespace)/\(pod.name) on this node"
        case .notDownstream(let id): "\(id) is not a downstream authority: no entry that its SVID is of says so"
        case .noSuchEntry(let id): "there is no entry \(id.quoted) on this node"
        case .keysNotTaken: "keys for JWT-SVIDs of authorities below are not published here (downstream.jwt-keys)"
        case .keyTaken(let keyID): "key \(keyID.quoted), or its ID, is another's or known otherwise already"
        case .tooManyKeys: "there are too many keys for JWT-SVIDs of authorities below"
        case .issuance(let error): "\(error)"
        case .join(let refusal): "\(refusal)"
        case .registry(let error): "\(error)"
        case .internalFailure(let what): what
        }
    }

    /// What the caller is told. What went wrong inside, and which way a token is bad, is none of its business.
    var status: RPCError {
        switch self {
        case .anonymous, .expired: RPCError(code: .unauthenticated, message: description)
        case .unknownNode, .issuedElsewhere:
            RPCError(
                code: .permissionDenied, message: description,
                metadata: [AuthorityWire.standing: .string(AuthorityWire.notAMember)])
        case .superseded:
            RPCError(
                code: .permissionDenied, message: description,
                metadata: [AuthorityWire.standing: .string(AuthorityWire.joinedAgain)])
        case .banned, .revoked, .notDownstream: RPCError(code: .permissionDenied, message: description)
        case .tpmNeeded:
            RPCError(
                code: .failedPrecondition, message: description,
                metadata: [AuthorityWire.standing: .string(AuthorityWire.tpmNeeded)])
        case .tooManyCalls: RPCError(code: .resourceExhausted, message: description)
        case .cutOff:
            RPCError(
                code: .unavailable, message: description,
                metadata: [AuthorityWire.standing: .string(AuthorityWire.cutOff)])
        case .malformed: RPCError(code: .invalidArgument, message: description)
        case .notRegistered, .noSuchEntry: RPCError(code: .notFound, message: description)
        case .issuance(let error) where error.isOfTheRequest: RPCError(code: .invalidArgument, message: description)
        case .issuance(.noRoomBelow), .keysNotTaken: RPCError(code: .failedPrecondition, message: description)
        case .keyTaken: RPCError(code: .alreadyExists, message: description)
        case .tooManyKeys: RPCError(code: .resourceExhausted, message: description)
        case .join(let refusal): refusal.status
        case .registry(.directoryFull): RPCError(code: .resourceExhausted, message: description)
        case .issuance, .registry, .internalFailure: .cannotAnswer
        }
    }
}

extension RPCError {
    fileprivate static let cannotAnswer = RPCError(code: .unavailable, message: "the authority cannot answer now")
}

extension JoinRefusal {
    fileprivate var status: RPCError {
        switch self {
        case .unknownToken, .expiredToken, .usedToken:
            RPCError(code: .permissionDenied, message: "the join token is not valid")
        case .clusterToken(.refused(.unavailable)), .clusterToken(.refused(.busy)):
            RPCError(code: .unavailable, message: "the authority cannot ask the cluster now")
        case .clusterToken: RPCError(code: .permissionDenied, message: "the cluster's token does not let this node in")
        case .tpm(.noList), .tpm(.internalFailure):
            RPCError(code: .unavailable, message: "the authority cannot look at TPMs now")
        case .tpm(.late): RPCError(code: .aborted, message: description)
        case .certificate, .tpm, .banned: RPCError(code: .permissionDenied, message: description)
        case .nameTaken, .nameHeld: RPCError(code: .alreadyExists, message: description)
        case .nameMissing, .badName, .otherName, .badEndpoint, .leasedAddress:
            RPCError(code: .invalidArgument, message: description)
        case .tooManyTries, .registry(.directoryFull): RPCError(code: .resourceExhausted, message: description)
        case .issuance(let error) where error.isOfTheRequest: RPCError(code: .invalidArgument, message: "\(error)")
        case .issuance, .registry: .cannotAnswer
        }
    }
}

extension IssuanceError {
    /// Whether the certificate request is to blame.
    fileprivate var isOfTheRequest: Bool {
        switch self {
        case .unreadableRequest, .requestTooLarge, .requestNotSelfSigned, .unacceptableKey, .requestForOther: true
        default: false
        }
    }
}
