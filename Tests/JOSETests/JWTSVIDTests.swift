import Identity
import OpenSSLBinding
import Testing

@testable import JOSE

/// JWT-SVID.md by the ids of the checklist, and what has gone wrong with JWTs elsewhere.
struct JWTSVIDTests {
    private let maker: TokenMaker
    private static let now = TokenMaker.now

    init() throws { maker = try TokenMaker() }

    @Test func aTokenIsTakenAndSaysWhatItSays() throws {
        let token = try maker.token(TokenMaker.claims(",\"iat\":\(Self.now),\"x\":{\"y\":[1.5,null]}"))
        let svid = try maker.verify(token)
        #expect(svid.id.description == "spiffe://td/ns/shop/sa/web")
        #expect(svid.audience == [TokenMaker.audience] && svid.keyID == maker.authority.keyID)
        #expect(svid.expiresAt == Self.now + 300 && svid.issuedAt == Self.now && svid.token == token)
        #expect(svid.claims["x"]?.encoded == "{\"y\":[1.5,null]}")
        for shown in ["\(svid)", String(reflecting: svid), String(describing: [svid])] {
            #expect(!shown.contains("eyJ"))
        }
    }

    // MARK: The serialization

    /// J-1, ID-9: compact serialization and no other.
    @Test func onlyCompactSerializationIsRead() throws {
        let token = try maker.token()
        let parts = token.split(separator: ".").map(String.init)
        for other in [
            "", ".", "..", parts[0], parts[0] + "." + parts[1], token + ".", "." + token, token + "." + parts[2],
        ] {
            #expect(throws: JWTRejection.self, "\(other)") { try maker.verify(other) }
        }
        let json = "{\"payload\":\"\(parts[1])\",\"protected\":\"\(parts[0])\",\"signature\":\"\(parts[2])\"}"
        #expect(throws: JWTRejection.notThreeParts) { try maker.verify(json) }
    }

    /// A signature over the same bytes in another spelling: trailing bits, padding, white space.
    @Test func aTokenHasOneSpelling() throws {
        let token = try maker.token()
        #expect(throws: Never.self) { try maker.verify(token) }
        for spelling in [token + "=", token + "\n", " " + token, token.replacing(".", with: ". ", maxReplacements: 1)] {
            #expect(throws: JWTRejection.self) { try maker.verify(spelling) }
        }
        // 64 bytes are 86 digits, of the last of which four bits count.
        let last = try #require(token.last)
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        let index = try #require(alphabet.firstIndex(of: last))
        let twin = String(token.dropLast()) + String(alphabet[index ^ 1])
        #expect(throws: JWTRejection.notBase64URL(part: "signature")) { try maker.verify(twin) }
    }

    @Test func sizesAreLimited() throws {
        let filler = String(repeating: "a", count: CompactJWS.longest)
        #expect(throws: JWTRejection.tooLong(bytes: filler.utf8.count + 1)) { try maker.verify(filler + ".") }
        let long = "{\"alg\":\"ES256\",\"kid\":\"\(String(repeating: "k", count: CompactJWS.longestHeader))\"}"
        #expect(throws: JWTRejection.tooLong(bytes: long.utf8.count)) { try maker.verify(maker.token(header: long)) }
    }

    @Test(arguments: [
        ("[]", JSONError.notAnObject), ("{\"alg\":\"ES256\",\"alg\":\"ES256\"}", .duplicateMember("alg")),
        ("{", .unexpected(place: 1)),
    ])
    func theHeaderIsStrictJSON(_ header: String, _ error: JSONError) throws {
        #expect(throws: JWTRejection.notJSON(part: "header", error)) { try maker.verify(maker.token(header: header)) }
    }

    /// Duplicate members, numbers beyond range, nesting.
    @Test(arguments: [
        (",\"sub\":\"spiffe://td/ns/shop/sa/web\"", JSONError.duplicateMember("sub")),
        (",\"exp\":1800000300", .duplicateMember("exp")), (",\"n\":1e999", .numberOutOfRange),
        (",\"n\":9007199254740993", .numberOutOfRange), (",\"a\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", .tooDeep),
    ])
    func thePayloadIsStrictJSON(_ more: String, _ error: JSONError) throws {
        let token = try maker.token(TokenMaker.claims(more))
        #expect(throws: JWTRejection.notJSON(part: "payload", error)) { try maker.verify(token) }
    }

    // MARK: The header

    /// J-2: no member beside alg, kid and typ; above all none that brings a key along.
    @Test(arguments: [
        "jwk", "jku", "x5c", "x5u", "x5t", "x5t#S256", "crit", "b64", "cty", "zip", "enc", "iss", "ALG", "",
        "\u{212a}id",
    ])
    func noOtherHeaderIsLetIn(_ name: String) throws {
        let header = maker.header.dropLast() + ",\"\(name)\":\"x\"}"
        #expect(throws: JWTRejection.forbiddenHeader(name)) { try maker.verify(maker.token(header: String(header))) }
    }

    /// J-3: `alg` none or confused.
    @Test(arguments: [
        "\"none\"", "\"None\"", "\"NONE\"", "\"\"", "\"HS256\"", "\"HS512\"", "\"EdDSA\"", "\"ES256K\"", "\"es256\"",
        "\"ES256 \"",
        "\"ES256\\u0000\"", "null", "256", "[\"ES256\"]",
    ])
    func otherAlgorithmsAreRefusedBeforeAllElse(_ algorithm: String) throws {
        let header = "{\"alg\":\(algorithm),\"kid\":\"\(maker.authority.keyID)\"}"
        let error = #expect(throws: JWTRejection.self) { try maker.verify(maker.token("no claims", header: header)) }
        if case .forbiddenAlgorithm = error {} else { Issue.record("\(String(describing: error))") }
    }

    @Test func aTokenWithoutAlgorithmOrSignatureIsNone() throws {
        let header = "{\"kid\":\"\(maker.authority.keyID)\"}"
        #expect(throws: JWTRejection.forbiddenAlgorithm("none at all")) {
            try maker.verify(maker.token(header: header))
        }
        let parts = try maker.token().split(separator: ".")
        #expect(throws: JWTRejection.badSignature) { try maker.verify("\(parts[0]).\(parts[1]).") }
    }

    /// The key decides the algorithm, not the token: a P-256 key signs by ES256 alone.
    @Test(arguments: JWSAlgorithm.allCases.filter { $0 != .es256 })
    func theAlgorithmIsTheKeys(_ algorithm: JWSAlgorithm) throws {
        let header = "{\"alg\":\"\(algorithm.rawValue)\",\"kid\":\"\(maker.authority.keyID)\"}"
        #expect(throws: JWTRejection.algorithmOfAnotherKey(algorithm)) { try maker.verify(maker.token(header: header)) }
    }

    /// J-4
    @Test(arguments: [
        ("\"JWT\"", true), ("\"JOSE\"", true), ("\"jwt\"", false), ("\"at+jwt\"", false), ("\"wit+jwt\"", false),
        ("\"\"", false),
        ("null", false), ("[\"JWT\"]", false),
    ])
    func theTypeIsJWTOrJOSE(_ type: String, _ isAccepted: Bool) throws {
        let header = "{\"alg\":\"ES256\",\"kid\":\"\(maker.authority.keyID)\",\"typ\":\(type)}"
        let token = try maker.token(header: header)
        #expect(((try? maker.verify(token)) != nil) == isAccepted)
    }

    @Test func theTypeMayBeLeftOut() throws {
        let header = "{\"alg\":\"ES256\",\"kid\":\"\(maker.authority.keyID)\"}"
        #expect(throws: Never.self) { try maker.verify(maker.token(header: header)) }
    }

    /// `kid` missing, unknown, or nothing that could be one.
    @Test func theKeyIsNamedAndKnown() throws {
        #expect(throws: JWTRejection.noKeyID) { try maker.verify(maker.token(header: "{\"alg\":\"ES256\"}")) }
        for keyID in ["", "other", maker.authority.keyID + " ", maker.authority.keyID.lowercased()] {
            let token = try maker.token(header: "{\"alg\":\"ES256\",\"kid\":\"\(keyID)\"}")
            #expect(throws: JWTRejection.unknownKey(keyID)) { try maker.verify(token) }
        }
        let numbered = try maker.token(header: "{\"alg\":\"ES256\",\"kid\":1}")
        #expect(throws: JWTRejection.malformedClaim("kid")) { try maker.verify(numbered) }
    }

    // MARK: The claims

    /// J-5
    @Test func theSubjectIsASPIFFEIDWithAPath() throws {
        let without = "{\"aud\":[\"a\"],\"exp\":1800000300}"
        #expect(throws: JWTRejection.missingClaim("sub")) { try maker.verify(maker.token(without)) }
        for sub in ["1", "null", "[\"spiffe://td/a\"]", "{}"] {
            #expect(throws: JWTRejection.malformedClaim("sub")) {
                try maker.verify(maker.token(TokenMaker.claims(sub: sub)))
            }
        }
        for sub in ["web", "https://td/a", "spiffe://TD/a", "spiffe://td/a/../b", "spiffe://td/%61", ""] {
            let error = #expect(throws: JWTRejection.self) {
                try maker.verify(maker.token(TokenMaker.claims(sub: "\"\(sub)\"")))
            }
            if case .badID = error {} else { Issue.record("\(sub): \(String(describing: error))") }
        }
        let root = SPIFFEID(try TrustDomain("td"))
        #expect(throws: JWTRejection.idWithoutPath(root)) {
            try maker.verify(maker.token(TokenMaker.claims(sub: "\"spiffe://td\"")))
        }
    }

    /// J-6: missing `aud`, or not ours.
    @Test func theAudienceIsOurs() throws {
        let without = "{\"sub\":\"spiffe://td/a\",\"exp\":1800000300}"
        #expect(throws: JWTRejection.missingClaim("aud")) { try maker.verify(maker.token(without)) }
        #expect(throws: JWTRejection.missingClaim("aud")) {
            try maker.verify(maker.token(TokenMaker.claims(aud: "[]")))
        }
        for aud in ["1", "null", "{}", "[1]", "[\"a\",null]", "\"\"", "[\"\"]", "[[\"a\"]]"] {
            #expect(throws: JWTRejection.malformedClaim("aud")) {
                try maker.verify(maker.token(TokenMaker.claims(aud: aud)))
            }
        }
        for aud in ["\"a\"", "[\"b\",\"a\"]"] {
            #expect(throws: Never.self) { try maker.verify(maker.token(TokenMaker.claims(aud: aud)), audience: "a") }
            for other in ["", "A", "a ", "ab", "*"] {
                #expect(throws: JWTRejection.otherAudience) {
                    try maker.verify(maker.token(TokenMaker.claims(aud: aud)), audience: other)
                }
            }
        }
    }

    /// Texts that Swift takes for equal are not: the Kelvin sign is no K.
    @Test func audiencesAreComparedByteByByte() throws {
        let token = try maker.token(TokenMaker.claims(aud: "\"\u{212a}\""))
        #expect(throws: JWTRejection.otherAudience) { try maker.verify(token, audience: "K") }
        #expect(throws: Never.self) { try maker.verify(token, audience: "\u{212a}") }
    }

    /// J-7: missing or past `exp`; no second of grace.
    @Test func theTokenExpires() throws {
        let without = "{\"sub\":\"spiffe://td/a\",\"aud\":\"\(TokenMaker.audience)\"}"
        #expect(throws: JWTRejection.missingClaim("exp")) { try maker.verify(maker.token(without)) }
        let token = try maker.token()
        #expect(throws: Never.self) { try maker.verify(token, at: Self.now + 299) }
        for late in [300, 301, 1_000_000_000] as [Int64] {
            #expect(throws: JWTRejection.expired(at: Self.now + 300)) { try maker.verify(token, at: Self.now + late) }
        }
        for exp in ["\"1800000300\"", "1800000300.0", "18e8", "null", "true"] {
            #expect(throws: JWTRejection.malformedClaim("exp")) {
                try maker.verify(maker.token(TokenMaker.claims(exp: exp)))
            }
        }
        #expect(throws: JWTRejection.expired(at: -1)) { try maker.verify(maker.token(TokenMaker.claims(exp: "-1"))) }
    }

    /// The issuer's clock may be ten seconds ahead.
    @Test(arguments: ["iat", "nbf"])
    func theTokenHasBegun(_ claim: String) throws {
        let begins = Self.now + JWTSVIDVerifier.leeway
        #expect(throws: Never.self) { try maker.verify(maker.token(TokenMaker.claims(",\"\(claim)\":\(begins)"))) }
        #expect(throws: JWTRejection.notYetValid(from: begins + 1)) {
            try maker.verify(maker.token(TokenMaker.claims(",\"\(claim)\":\(begins + 1)")))
        }
        #expect(throws: JWTRejection.malformedClaim(claim)) {
            try maker.verify(maker.token(TokenMaker.claims(",\"\(claim)\":\"0\"")))
        }
    }

    // MARK: The signature

    /// ID-8
    @Test func noByteCanBeChanged() throws {
        let token = Array(try maker.token().utf8)
        for place in token.indices {
            var changed = token
            changed[place] = changed[place] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            let text = String(decoding: changed, as: UTF8.self)
            #expect(throws: JWTRejection.self, "byte \(place)") { try maker.verify(text) }
        }
    }

    /// The numbers of an ECDSA signature stand in JWS as they are, not as DER, and neither is 0.
    @Test func theSignatureIsOfTheRightForm() throws {
        let parts = try maker.token().split(separator: ".")
        let input = "\(parts[0]).\(parts[1])"
        let der = try maker.key.sign(Array(input.utf8))
        for signature in [der, [], [UInt8](repeating: 0, count: 64), [UInt8](repeating: 0xff, count: 64)] {
            #expect(throws: JWTRejection.badSignature) { try maker.verify("\(input).\(Base64.url.encode(signature))") }
        }
    }

    /// The key of another trust domain signs nothing here, also under the same ID; W-12.
    @Test func theSubjectsTrustDomainHasTheKey() throws {
        let other = try TokenMaker()
        let otherDomain = try TrustDomain("other")
        let sameName = try #require(JWTAuthority(keyID: maker.authority.keyID, key: other.key.publicKey))
        let bundles = [
            try maker.bundle, try #require(JWTBundle(trustDomain: otherDomain, authorities: [sameName], sequence: 1)),
        ]
        let verifier = JWTSVIDVerifier(bundles: bundles)
        let verify = { (token: String) in
            _ = try verifier.verify(token, audience: TokenMaker.audience, at: Self.now)
        }
        let foreign = TokenMaker.claims(sub: "\"spiffe://other/a\"")
        #expect(throws: Never.self) { try verify(maker.token()) }
        #expect(throws: Never.self) { try verify(other.token(foreign, header: maker.header)) }
        #expect(throws: JWTRejection.badSignature) { try verify(other.token(header: maker.header)) }
        #expect(throws: JWTRejection.badSignature) { try verify(maker.token(foreign)) }
        #expect(throws: JWTRejection.unknownKey(other.authority.keyID)) { try verify(other.token(foreign)) }
        let unknown = try maker.token(TokenMaker.claims(sub: "\"spiffe://third/a\""))
        #expect(throws: JWTRejection.foreignTrustDomain(try TrustDomain("third"))) { try verify(unknown) }
    }

    /// B-4: a bundle without keys trusts nothing.
    @Test func anEmptyBundleTrustsNothing() throws {
        let verifier = JWTSVIDVerifier(bundles: [.empty(try TrustDomain("td"))])
        #expect(throws: JWTRejection.unknownKey(maker.authority.keyID)) {
            try verifier.verify(maker.token(), audience: TokenMaker.audience, at: Self.now)
        }
    }
}
