public import Addressing
public import Issuance
internal import PrintableText

/// Why a node was not let in. The first three are told apart here and in the log, never to the node.
public enum JoinRefusal: Error, Sendable, Equatable {
    case unknownToken
    case expiredToken
    case usedToken

    case certificate(MachineRejection)
    case clusterToken(ClusterRejection)
    case tpm(TPMRejection)
    /// A node of that name joined before, and it is not known to be this one.
    case nameHeld(String)
    case nameMissing
    case badName(String)
    /// The token was made for another name, or the certificate says another.
    case otherName(asked: String)
    /// A node of that name joined before, and the token was not made for it.
    case nameTaken(String)
    case banned(String)
    case badEndpoint
    /// Another node says that its pods have the address.
    case leasedAddress(IPAddress)
    case issuance(IssuanceError)
    case tooManyTries
    case registry(RegistryError)
}

extension JoinRefusal: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unknownToken: "the join token is unknown"
        case .expiredToken: "the join token has expired"
        case .usedToken: "the join token has been used"
        case .certificate(let rejection): "the machine's certificate does not let it in: \(rejection)"
        case .clusterToken(let rejection): "the cluster's token does not let it in: \(rejection)"
        case .tpm(let rejection): "the TPM does not let it in: \(rejection)"
        case .nameHeld(let name):
            "there is a node \(name.quoted), which joined in another way or by another key; evict it if it is gone"
        case .nameMissing: "neither the token nor the node says a name"
        case .badName(let name): "\(name.quoted) is no name for a node"
        case .otherName(let asked): "what the node joins by is for another name than \(asked.quoted)"
        case .nameTaken(let name): "there is a node \(name.quoted); it may join again with a token made for that name"
        case .banned(let name): "node \(name.quoted) is banned"
        case .badEndpoint: "the node's address or ports make no sense"
        case .leasedAddress(let address): "the node's address \(address) is leased to another node's pods"
        case .issuance(let error): "\(error)"
        case .tooManyTries: "too many tries"
        case .registry(let error): "\(error)"
        }
    }
}
