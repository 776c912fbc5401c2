public import Identity

/// How the bundle of another trust domain is had: a name, an address and a profile, which are said together and stay together
/// (SPIFFE_Federation.md section 5.1).
public struct Relationship: Sendable, Equatable {
    public let trustDomain: TrustDomain
    public let url: EndpointURL
    public let profile: EndpointProfile

    /// Refuses a relationship with oneself.
    public init(
        with trustDomain: TrustDomain, of own: TrustDomain, at url: EndpointURL, profile: EndpointProfile
    ) throws(FederationError) {
        guard trustDomain != own else { throw .ownTrustDomain }
        self.trustDomain = trustDomain
        self.url = url
        self.profile = profile
    }

    /// Most relationships of one authority.
    public static let most = 64
}

/// By what an endpoint shows that it is the one (SPIFFE_Federation.md section 5.2).
public enum EndpointProfile: Sendable, Equatable {
    /// By a certificate of the web, for the host in the URL.
    case web
    /// By the X.509-SVID of this ID.
    case spiffe(SPIFFEID)

    /// As commands and documents spell it.
    public var name: String {
        switch self {
        case .web: "https_web"
        case .spiffe: "https_spiffe"
        }
    }
}
