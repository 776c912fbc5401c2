public import Issuance
public import LinuxBinding
public import OpenSSLBinding

/// Why an authority cannot begin or go on.
public enum AuthorityError: Error, Sendable, Equatable {
    // The state directory
    case directory(PrivateFileError)
    case stateFile(SystemError)
    case keyFile(PrivateFileError)
    /// One of the two files is there without the other.
    case missing(path: String, while: String)
    /// The key is elsewhere, and a file of the state directory holds one as well.
    case keyInTwoPlaces(path: String)
    /// The CA in the file is none of those that the registry knows.
    case otherAuthority(path: String)
    /// A step in the life of a CA does not end.
    case changing
    case upstreamKey(String)
    /// The authority above, which is asked, did not make a CA, or not one that can be used.
    case upstream(_ name: String, IssuanceError)
    /// The authority's own root among the issuers of machines' certificates, or of their TPMs'.
    case ownRootVouchesForMachines
    /// A CA under what is above could have none below it, which is to be signed here.
    case noRoomBelow
    /// - Parameter store: where the key should be.
    case keyStore(_ store: String, SigningError)
    case unreadable(path: String, reason: String)
    case registry(RegistryError)
    /// What the settings say of other trust domains cannot be.
    case federation(RelationshipError)

    /// The own server's SVID cannot be issued.
    case issuance(IssuanceError)
    case cannotListen(address: String, reason: String)
    case serverFailed(String)
}

extension AuthorityError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .directory(let error), .keyFile(let error): "\(error)"
        case .stateFile(let error): "\(error)"
        case .missing(let path, let other): "\(path) is missing while \(other) is there; restore it from a backup"
        case .keyInTwoPlaces(let path):
            "\(path) is there though the key is said to be elsewhere; remove it or the setting"
        case .otherAuthority(let path):
            "\(path) is none of the CAs that the registry knows: restore both from one backup, or, where another authority shares the "
                + "registry and has taken it out, begin anew under another name"
        case .changing: "a change of the CAs does not end"
        case .upstreamKey(let reason): "the key of the upstream authority cannot be had: \(reason)"
        case .upstream(let name, let error): "no CA from \(name): \(error)"
        case .ownRootVouchesForMachines:
            "the authority's own root is among the issuers of machines' certificates: any workload could join as a node"
        case .noRoomBelow:
            "CAs are to be signed for others (downstream), and what upstream-disk names has a path length with no room for two below it"
        case .keyStore(let store, let error): "the CA's key in \(store): \(error)"
        case .unreadable(let path, let reason): "\(path) cannot be used: \(reason)"
        case .registry(let error): "\(error)"
        case .federation(let error): "\(error)"
        case .issuance(let error): "the authority's own SVID cannot be issued: \(error)"
        case .cannotListen(let address, let reason): "cannot listen on \(address): \(reason)"
        case .serverFailed(let reason): "the authority's server failed: \(reason)"
        }
    }
}
