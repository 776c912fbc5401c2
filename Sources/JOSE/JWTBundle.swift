public import Identity

/// The keys behind the JWT-SVIDs of one trust domain. With none, every token of that domain is refused.
public struct JWTBundle: Sendable, Equatable {
    public let trustDomain: TrustDomain
    public let authorities: [JWTAuthority]
    /// Grows with every change of the content.
    public let sequence: UInt64

    public static let mostAuthorities = 64

    /// Nil when two keys have one ID, so that a token would not say which it means, or when there are too many.
    public init?(trustDomain: TrustDomain, authorities: [JWTAuthority], sequence: UInt64) {
        guard authorities.count <= Self.mostAuthorities, Set(authorities.map(\.keyID)).count == authorities.count else {
            return nil
        }
        self.init(trustDomain, authorities, sequence)
    }

    private init(_ trustDomain: TrustDomain, _ authorities: [JWTAuthority], _ sequence: UInt64) {
        self.trustDomain = trustDomain
        self.authorities = authorities
        self.sequence = sequence
    }

    public static func empty(_ trustDomain: TrustDomain) -> JWTBundle { JWTBundle(trustDomain, [], 0) }

    /// Whether a key is published and nothing is said against it.
    public func isInForce(keyID: String) -> Bool { authority(keyID).map { !$0.isTainted } ?? false }

    func authority(_ keyID: String) -> JWTAuthority? { authorities.first { $0.keyID.isSameText(as: keyID) } }
}
