public import Federation
public import Identity

/// Why a relationship or a bundle was not taken, changed or given up.
public enum RelationshipError: Error, Sendable, Equatable {
    case notFound(TrustDomain)
    case alreadyExists(TrustDomain)
    /// Its endpoint would bring the bundle back.
    case hasRelationship(TrustDomain)
    /// It is in the configuration, which a command does not change.
    case configured(TrustDomain)
    case tooMany(Int)
    case federation(FederationError)
    case registry(RegistryError)
}

extension RelationshipError: RegistryFailure, CustomStringConvertible {
    public var description: String {
        switch self {
        case .notFound(let trustDomain): "nothing is held of trust domain \(trustDomain)"
        case .alreadyExists(let trustDomain): "there is a relationship with \(trustDomain) already"
        case .hasRelationship(let trustDomain):
            "there is a relationship with \(trustDomain), which would fetch its bundle again; delete that first"
        case .configured(let trustDomain):
            "the relationship with \(trustDomain) is in this authority's configuration (federation.relationships): change it there"
        case .tooMany(let count): "there are \(count) already, which is the most"
        case .federation(let error): "\(error)"
        case .registry(let error): "\(error)"
        }
    }
}
