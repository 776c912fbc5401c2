import Foundation
import Identity
import JOSE
import OpenSSLBinding
import Testing

@testable import Issuance

struct TokenTests {
    private let trustDomain: TrustDomain
    private let key: JWTSigningKey
    private let audience: JWTAudience
    private let web: SPIFFEID
    private let now: Int64 = 1_800_000_000

    init() throws {
        trustDomain = try TrustDomain("example.org")
        key = try JWTSigningKey.generate(for: trustDomain, notAfter: now + 86400)
        audience = try JWTAudience(["db"])
        web = try SPIFFEID("spiffe://example.org/ns/shop/sa/web")
    }

    @Test func aTokenSaysWhatThePlanSays() throws {
        let audience = try JWTAudience(["db", "\"quoted\\\"", "\u{e9}"])
        let plan = try JWTSVIDPlan(
            id: web, audience: audience, lifetime: .seconds(60), issuer: JWTIssuer("https://example.org"))
        let svid = try key.sign(plan, now: now)
        #expect(svid.id == web && svid.audience == audience.values && svid.keyID == key.authority.keyID)
        #expect(svid.issuedAt == now && svid.expiresAt == now + 60)
        #expect(svid.claims["iss"]?.text == "https://example.org")
        #expect(svid.claims.members.map(\.name) == ["sub", "aud", "iss", "iat", "exp"])
        let withoutIssuer = try key.sign(JWTSVIDPlan(id: web, audience: audience), now: now)
        #expect(withoutIssuer.claims["iss"] == nil && withoutIssuer.expiresAt == now + 300)
    }

    /// The last token of a key ends with the key, so that the key can go from the bundle then.
    @Test func noTokenOutlivesItsKey() throws {
        let plan = try JWTSVIDPlan(id: web, audience: audience, lifetime: .seconds(3600))
        #expect(try key.sign(plan, now: key.notAfter - 10).expiresAt == key.notAfter)
        #expect(throws: IssuanceError.authorityNotValid(now: key.notAfter)) { try key.sign(plan, now: key.notAfter) }
    }

    @Test(arguments: [
        "spiffe://example.org", "spiffe://example.org/podshield/node/a",
        "spiffe://example.org/podshield/authority/main",
        "spiffe://example.org/podshield/x",
    ])
    func onlyWorkloadsGetTokens(_ id: String) throws {
        let id = try SPIFFEID(id)
        #expect(throws: IssuanceError.reservedID(id)) { try JWTSVIDPlan(id: id, audience: audience) }
    }

    @Test func onlyOfTheOwnTrustDomain() throws {
        let plan = try JWTSVIDPlan(id: SPIFFEID("spiffe://other/a"), audience: audience)
        #expect(throws: IssuanceError.foreignTrustDomain(plan.id)) { try key.sign(plan, now: now) }
    }

    @Test(
        arguments: [(0, false), (-1, false), (1, true), (86400, true), (86401, false), (.max, false)] as [(Int64, Bool)]
    )
    func lifetimesAreLimited(_ seconds: Int64, _ isPossible: Bool) {
        let plan = try? JWTSVIDPlan(id: web, audience: audience, lifetime: .seconds(seconds))
        #expect((plan != nil) == isPossible)
    }

    /// Of other keys the verifier would not know the algorithm.
    @Test(arguments: KeyAlgorithm.allCases)
    func keysAreOfEllipticCurves(_ algorithm: KeyAlgorithm) throws {
        let key = try PrivateKey.generate(algorithm)
        let made = try? JWTSigningKey(trustDomain: trustDomain, key: key, notAfter: now + 60)
        #expect((made != nil) == [.ecP256, .ecP384].contains(algorithm))
        guard let made else { return }
        #expect(throws: Never.self) { try made.sign(JWTSVIDPlan(id: web, audience: audience), now: now) }
    }

    /// What it signed would be nobody's, and be given out all the same.
    @Test func halvesOfTwoKeysAreNoKey() throws {
        let (key, other) = (try PrivateKey.generate(), try PrivateKey.generate())
        let pem = try unsafe key.pkcs8PEM().withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
        var der = Array(try #require(Data(base64Encoded: pem.split(separator: "\n").dropFirst().dropLast().joined())))
        // The point stands last in both.
        #expect(der.suffix(65) == key.publicKey.subjectPublicKeyInfo.suffix(65))
        der.replaceSubrange(der.count - 65..<der.count, with: other.publicKey.subjectPublicKeyInfo.suffix(65))
        let text = "-----BEGIN PRIVATE KEY-----\n\(Data(der).base64EncodedString())\n-----END PRIVATE KEY-----\n"
        let mixed = try PrivateKey(pem: SecretBytes(Array(text.utf8)))
        #expect(mixed.publicKey == other.publicKey)
        #expect(throws: IssuanceError.unacceptableKey("its halves do not belong together")) {
            try JWTSigningKey(trustDomain: trustDomain, key: mixed, notAfter: now + 60)
        }
    }

    /// Whoever asked checks the signature.
    @Test func theSignatureIsTheKeys() throws {
        let verifier = JWTSVIDVerifier(
            bundles: [try #require(JWTBundle(trustDomain: trustDomain, authorities: [key.authority], sequence: 0))])
        for seconds in 1...Int64(50) {
            let svid = try key.sign(JWTSVIDPlan(id: web, audience: audience, lifetime: .seconds(seconds)), now: now)
            let verified = try verifier.verify(svid.token, audience: "db", at: now)
            #expect(
                verified.id == svid.id && verified.claims.encoded == svid.claims.encoded
                    && verified.expiresAt == now + seconds)
        }
    }

    /// The longest that may be asked for is still a token that is taken.
    @Test func theLongestTokenIsTaken() throws {
        let id = try SPIFFEID("spiffe://example.org/" + String(repeating: "a", count: SPIFFEID.maximumLength - 21))
        let values = (0..<JWTAudience.most).map {
            String(repeating: "\"", count: JWTAudience.largest / JWTAudience.most - 2) + String($0 + 10)
        }
        let issuer = try JWTIssuer("https://" + String(repeating: "a", count: JWTIssuer.longest - 8))
        let plan = try JWTSVIDPlan(id: id, audience: JWTAudience(values), issuer: issuer)
        #expect(throws: Never.self) { try key.sign(plan, now: now) }
    }

    @Test(arguments: [
        ([], JWTAudienceError.empty), ([""], .badValue("")), (["a", ""], .badValue("")), (["a\nb"], .badValue("a\nb")),
        (["\u{9b}"], .badValue("\u{9b}")), ([String](repeating: "a", count: 33), .tooMany(33)),
        ([String(repeating: "a", count: 4097)], .tooLarge(bytes: 4097)),
    ])
    func isNoAudience(_ values: [String], _ error: JWTAudienceError) {
        #expect(throws: error) { try JWTAudience(values) }
    }

    @Test func audiencesAreSets() throws {
        #expect(try JWTAudience(["b", "a", "b"]).values == ["a", "b"])
        #expect(try JWTAudience(["b", "a"]) == JWTAudience(["a", "b", "a"]))
        // The Kelvin sign is another audience than the letter, though Swift calls the texts equal.
        #expect(try JWTAudience(["K", "\u{212a}"]).values.count == 2)
        #expect(try JWTAudience(["K"]) != JWTAudience(["\u{212a}"]))
    }
}
