internal import Identity

/// A text that has the form of a JWT-SVID (JWT-SVID sections 2 and 3), of whose signature nothing is known.
package struct UnprovenToken {
    let jws: CompactJWS
    package let keyID: String
    let id: SPIFFEID
    private let claims: JSONObject
    private let token: String

    package init(_ token: String) throws(JWTRejection) {
        jws = try CompactJWS(token)
        guard let keyID = jws.keyID else { throw .noKeyID }
        do throws(JSONError) { claims = try JSONObject(jws.payload) } catch { throw .notJSON(part: "payload", error) }
        id = try Self.subject(claims)
        self.keyID = keyID
        self.token = token
    }

    /// What it says, if it is good for this audience and time but for the signature: by whose it is, who calls must know.
    package func believed(for audience: String, at unixTime: Int64) throws(JWTRejection) -> JWTSVID {
        let audiences = try Self.audiences(claims)
        guard audiences.contains(where: audience.isSameText) else { throw .otherAudience }
        let (issuedAt, expiresAt) = try Self.checkTimes(claims, unixTime)
        return JWTSVID(
            id: id, audience: audiences, expiresAt: expiresAt, issuedAt: issuedAt, keyID: keyID, claims: claims,
            token: token)
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
        for begins in [issuedAt, try time("nbf", claims)].compactMap(\.self) where begins > now + JWTSVIDVerifier.leeway
        {
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
