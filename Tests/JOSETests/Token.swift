import Identity
import OpenSSLBinding

@testable import JOSE

/// Tokens of any content under a signature that holds.
struct TokenMaker {
    static let now: Int64 = 1_800_000_000
    static let audience = "spiffe://td/ns/shop/sa/db"

    let key: PrivateKey
    let authority: JWTAuthority

    init() throws {
        key = try PrivateKey.generate()
        guard let authority = JWTAuthority(key.publicKey) else { fatalError("P-256 signs tokens") }
        self.authority = authority
    }

    var bundle: JWTBundle {
        get throws { JWTBundle(trustDomain: try TrustDomain("td"), authorities: [authority], sequence: 1)! }
    }

    var header: String { "{\"alg\":\"ES256\",\"kid\":\"\(authority.keyID)\",\"typ\":\"JWT\"}" }

    static func claims(
        sub: String = "\"spiffe://td/ns/shop/sa/web\"", aud: String = "[\"\(audience)\"]", exp: String = "\(now + 300)",
        _ more: String = ""
    ) -> String {
        "{\"sub\":\(sub),\"aud\":\(aud),\"exp\":\(exp)\(more)}"
    }

    func token(_ claims: String = claims(), header: String? = nil) throws -> String {
        let input = [header ?? self.header, claims].map { Base64.url.encode(Array($0.utf8)) }.joined(separator: ".")
        return "\(input).\(Base64.url.encode(try JWSAlgorithm.es256.sign(Array(input.utf8), with: key)))"
    }

    func verify(
        _ token: String, audience: String = audience, at now: Int64 = now
    ) throws -> JWTSVID {
        try JWTSVIDVerifier(bundles: [bundle]).verify(token, audience: audience, at: now)
    }
}
