public import Identity
public import JOSE

/// What a JWT-SVID is going to say, decided by the authority's registry. One exists only for a workload's ID.
public struct JWTSVIDPlan: Sendable {
    public let id: SPIFFEID
    public let audience: JWTAudience
    /// Whole seconds, at least one; cut where the signing key's own time ends.
    public let lifetime: Duration
    /// For verifiers that find keys by it; nil for none.
    public let issuer: JWTIssuer?

    public static let defaultLifetime = Duration.seconds(300)
    /// A token cannot be taken back: a day is the most.
    public static let longestLifetime = Duration.seconds(86400)

    public init(
        id: SPIFFEID, audience: JWTAudience, lifetime: Duration = defaultLifetime, issuer: JWTIssuer? = nil
    ) throws(IssuanceError) {
        guard id.kind == .workload else { throw .reservedID(id) }
        try Self.check(lifetime)
        self.id = id
        self.audience = audience
        self.lifetime = .seconds(lifetime.components.seconds)
        self.issuer = issuer
    }

    /// Throws `badLifetime` for one that no plan has.
    public static func check(_ lifetime: Duration) throws(IssuanceError) {
        let seconds = lifetime.components.seconds
        guard seconds >= 1, lifetime <= longestLifetime else { throw .badLifetime(seconds: seconds) }
    }
}
