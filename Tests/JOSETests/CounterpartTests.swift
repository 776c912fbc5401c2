import Foundation
import Identity
import Issuance
import KernelTestSupport
import OpenSSLBinding
import Testing

@testable import JOSE

/// PyJWT, which shares no code with us, as issuer and as verifier.
struct CounterpartTests {
    private static let python = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: ".build-venv/bin/python").path
    private static let subject = "spiffe://td/ns/shop/sa/web"
    private static let now = TokenMaker.now

    private static func run(_ program: String, _ words: String...) throws -> String {
        try Command.run([python, "-c", program] + words)
    }

    private static let issuer = """
        import json, sys
        import jwt
        from cryptography.hazmat.primitives.asymmetric import ec, rsa
        algorithm, claims = sys.argv[1], json.loads(sys.argv[2])
        curve = {"256": ec.SECP256R1, "384": ec.SECP384R1, "512": ec.SECP521R1}[algorithm[2:]]
        key = ec.generate_private_key(curve()) if algorithm[0] == "E" else rsa.generate_private_key(65537, 2048)
        jwk = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
        print(json.dumps({"keys": [jwk | {"kid": "theirs", "use": "jwt-svid"}]}))
        print(jwt.encode(claims, key, algorithm, headers={"kid": "theirs"}))
        """

    /// Every algorithm of JWT-SVID section 2.1.
    @Test(arguments: JWSAlgorithm.allCases)
    func itsTokensAreTaken(_ algorithm: JWSAlgorithm) throws {
        let claims = TokenMaker.claims(",\"iat\":\(Self.now)")
        let lines = try Self.run(Self.issuer, algorithm.rawValue, claims).split(separator: "\n")
        let document = try BundleDocument(parsing: Array(try #require(lines.first).utf8), of: TrustDomain("td"))
        let verifier = JWTSVIDVerifier(bundles: [document.jwtBundle])
        let token = String(try #require(lines.last))
        let svid = try verifier.verify(token, audience: TokenMaker.audience, at: Self.now)
        #expect(svid.id.description == Self.subject && svid.keyID == "theirs")
        let parts = token.split(separator: ".")
        #expect(throws: JWTRejection.badSignature) {
            try verifier.verify("\(parts[0]).\(parts[1]).AAAA", audience: TokenMaker.audience, at: Self.now)
        }
    }

    private static let verifier = """
        import json, sys
        import jwt
        keys, token, audience = sys.argv[1:]
        key = jwt.PyJWKSet.from_json(keys)[jwt.get_unverified_header(token)["kid"]]
        print(json.dumps(jwt.decode(token, key, ["ES256"], audience=audience, issuer="https://td.example")))
        """

    @Test func ourTokensAreTaken() throws {
        let trustDomain = try TrustDomain("td")
        let now = Int64(Date().timeIntervalSince1970)
        let key = try JWTSigningKey.generate(for: trustDomain, notAfter: now + 3600)
        let plan = try JWTSVIDPlan(
            id: SPIFFEID(Self.subject), audience: JWTAudience(["a", "b"]), issuer: JWTIssuer("https://td.example"))
        let token = try key.sign(plan, now: now).token
        let bundle = try #require(JWTBundle(trustDomain: trustDomain, authorities: [key.authority], sequence: 1))
        for audience in ["a", "b"] {
            let claims = try Self.run(Self.verifier, bundle.encoded, token, audience)
            #expect(try JSONObject(Array(claims.utf8))["sub"]?.text == Self.subject)
        }
        #expect(throws: Command.Failure.self) { try Self.run(Self.verifier, bundle.encoded, token, "c") }
    }
}
