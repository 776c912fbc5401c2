internal import Identity
internal import OpenSSLBinding

/// Decides whether a text is a JWT-SVID for an audience (JWT-SVID sections 2 to 6), by the keys of the subject's own
/// trust domain and nothing that the token brings along.
public struct JWTSVIDVerifier: Sendable {
    private let bundles: [TrustDomain: JWTBundle]

    /// Seconds by which an issuer's clock may be ahead of ours. There is none the other way: an expired token is
    /// expired.
    public static let leeway: Int64 = 10

    /// Of several bundles of one trust domain the last counts.
    public init(bundles: [JWTBundle]) {
        self.bundles = Dictionary(bundles.map { ($0.trustDomain, $0) }, uniquingKeysWith: { _, last in last })
    }

    /// `audience` is the verifier's own name; `unixTime`, in seconds since 1970, the only clock.
    public func verify(_ token: String, audience: String, at unixTime: Int64) throws(JWTRejection) -> JWTSVID {
        let unproven = try UnprovenToken(token)
        try checkSignature(unproven.jws, unproven.keyID, in: unproven.id.trustDomain)
        return try unproven.believed(for: audience, at: unixTime)
    }

    private func checkSignature(
        _ jws: CompactJWS, _ keyID: String, in trustDomain: TrustDomain
    ) throws(JWTRejection) {
        guard let bundle = bundles[trustDomain] else { throw .foreignTrustDomain(trustDomain) }
        guard let authority = bundle.authority(keyID) else { throw .unknownKey(keyID) }
        guard jws.algorithm.suits(authority.key.kind), authority.algorithm ?? jws.algorithm == jws.algorithm else {
            throw .algorithmOfAnotherKey(jws.algorithm)
        }
        guard jws.isSigned(by: authority.key) else { throw .badSignature }
    }
}
