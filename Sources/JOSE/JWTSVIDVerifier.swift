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
        let jws = try CompactJWS(token)
        guard let keyID = jws.keyID else { throw .noKeyID }
        let claims: JSONObject
        do throws(JSONError) { claims = try JSONObject(jws.payload) } catch { throw .notJSON(part: "payload", error) }
        let id = try Self.subject(claims)
        try checkSignature(jws, keyID, in: id.trustDomain)
        let audiences = try Self.audiences(claims)
        guard audiences.contains(where: audience.isSameText) else { throw .otherAudience }
        let (issuedAt, expiresAt) = try Self.checkTimes(claims, unixTime)
        return JWTSVID(
            id: id, audience: audiences, expiresAt: expiresAt, issuedAt: issuedAt, keyID: keyID, claims: claims,
            token: token)
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

    /// Section 3.1. A trust domain's own ID is its authority's, and no workload's.
    private static func subject(_ claims: JSONObject) throws(JWTRejection) -> SPIFFEID {
        guard let claim = claims["sub"] else { throw .missingClaim("sub") }
        guard let text = claim.text else { throw .malformedClaim("sub") }
        let id: SPIFFEID
        do throws(SPIFFEIDError) { id = try SPIFFEID(text) } catch { throw .badID(error) }
        guard !id.path.isEmpty else { throw .idWithoutPath(id) }
        return id
    }

    /// Section 3.2: one text, or an array of them.
    private static func audiences(_ claims: JSONObject) throws(JWTRejection) -> [String] {
        guard let claim = claims["aud"] else { throw .missingClaim("aud") }
        let texts = (claim.elements ?? [claim]).map(\.text)
        guard !texts.isEmpty else { throw .missingClaim("aud") }
        guard !texts.contains(where: { $0?.isEmpty ?? true }) else { throw .malformedClaim("aud") }
        return texts.compactMap(\.self)
    }

    /// Section 3.3, and `nbf` and `iat` of RFC 7519 section 4.1 where they are there.
    private static func checkTimes(
        _ claims: JSONObject, _ now: Int64
    ) throws(JWTRejection) -> (issuedAt: Int64?, expiresAt: Int64) {
        guard let expiresAt = try time("exp", claims) else { throw .missingClaim("exp") }
        guard expiresAt > now else { throw .expired(at: expiresAt) }
        let issuedAt = try time("iat", claims)
        for begins in [issuedAt, try time("nbf", claims)].compactMap(\.self) where begins > now + leeway {
            throw .notYetValid(from: begins)
        }
        return (issuedAt, expiresAt)
    }

    private static func time(_ name: String, _ claims: JSONObject) throws(JWTRejection) -> Int64? {
        guard let claim = claims[name] else { return nil }
        guard let seconds = claim.integer else { throw .malformedClaim(name) }
        return seconds
    }
}
