package import Identity
package import OpenSSLBinding

/// The stage between plan and signature: everything a JWT-SVID will say.
package struct JWTSVIDTemplate {
    let id: SPIFFEID
    let audience: JWTAudience
    let issuedAt: Int64
    let expiresAt: Int64
    let issuer: JWTIssuer?

    /// Times in seconds since 1970; `issuer` nil leaves `iss` out.
    package init(id: SPIFFEID, audience: JWTAudience, issuedAt: Int64, expiresAt: Int64, issuer: JWTIssuer?) {
        self.id = id
        self.audience = audience
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.issuer = issuer
    }

    /// The token. `authority` is the public half of `key`.
    package func signed(by key: PrivateKey, as authority: JWTAuthority) throws(OpenSSLError) -> String {
        guard let algorithm = authority.algorithm else {
            throw OpenSSLError(operation: "JWS signing", reasons: ["the key leaves the algorithm open"])
        }
        let header = JSONObject([
            "alg": .string(algorithm.rawValue), "kid": .string(authority.keyID), "typ": "JWT",
        ])
        return try CompactJWS.sign(header: header, payload: claims, algorithm, with: key)
    }

    /// JWT-SVID section 3; `iat` and `iss` because verifiers outside of SPIFFE want them.
    private var claims: JSONObject {
        JSONObject([
            "sub": .string(id.description), "aud": .array(audience.values.map(JSONValue.string)),
            "iss": issuer.map { .string($0.url) }, "iat": .integer(issuedAt), "exp": .integer(expiresAt),
        ])
    }
}
