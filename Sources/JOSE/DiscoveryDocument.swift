internal import Identity

/// What an issuer of JWT-SVIDs publishes for verifiers that know OpenID Connect and not SPIFFE: a text at each of two URLs.
public struct DiscoveryDocument: Sendable {
    public let issuer: JWTIssuer
    public let jwtBundle: JWTBundle

    /// Where, below the issuer's URL, each of the two is looked for.
    public static let configurationPath = "/.well-known/openid-configuration"
    public static let keysPath = "/keys"

    public init(issuer: JWTIssuer, jwtBundle: JWTBundle) {
        self.issuer = issuer
        self.jwtBundle = jwtBundle
    }

    /// Provider metadata (OpenID Connect Discovery 1.0 section 3), as far as there is something to say: nobody logs in here, so
    /// there is no authorization endpoint (RFC 8414 section 2).
    public var configuration: String {
        JSONObject([
            "issuer": .string(issuer.url), "jwks_uri": .string(issuer.url + Self.keysPath),
            "response_types_supported": .array(["id_token"]), "subject_types_supported": .array(["public"]),
            "id_token_signing_alg_values_supported": .array(algorithms),
        ]).encoded
    }

    /// The JWK Set, `use` as RFC 7517 section 4.2 knows it.
    public var keys: String {
        JSONObject(["keys": .array(jwtBundle.authorities.compactMap { $0.jsonWebKey(use: "sig") })]).encoded
    }

    /// Those of our own keys; ES256 while there is none.
    private var algorithms: [JSONValue] {
        let names = Set(jwtBundle.authorities.compactMap(\.algorithm?.rawValue))
        return (names.isEmpty ? [JWSAlgorithm.es256.rawValue] : names.sorted()).map(JSONValue.string)
    }
}
