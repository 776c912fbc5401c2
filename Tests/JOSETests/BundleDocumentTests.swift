import Identity
import Issuance
import OpenSSLBinding
import Testing

@testable import JOSE

/// SPIFFE_Trust_Domain_and_Bundle.md, and the parts of the SVID standards about bundles, by the ids of the checklist.
struct BundleDocumentTests {
    private let trustDomain: TrustDomain
    private let root: Certificate
    private let maker: TokenMaker
    private let document: BundleDocument

    init() throws {
        trustDomain = try TrustDomain("td")
        root = try CertificateAuthority.createRoot(for: trustDomain, now: TokenMaker.now).certificate
        maker = try TokenMaker()
        document = BundleDocument(
            bundle: try TrustBundle(trustDomain: trustDomain, authorities: [root], sequence: 3),
            jwtBundle: try #require(JWTBundle(trustDomain: trustDomain, authorities: [maker.authority], sequence: 4)),
            refreshHint: .seconds(300))
    }

    private func parse(_ text: String) throws -> BundleDocument {
        try BundleDocument(parsing: Array(text.utf8), of: trustDomain)
    }

    /// The JWK of a kind in the document, to be changed.
    private func key(_ use: String) throws -> JSONObject {
        let keys = try JSONObject(Array(document.encoded.utf8))["keys"]?.elements ?? []
        return try #require(keys.compactMap(\.object).first { $0["use"]?.text == use })
    }

    private func parse(keys: [String]) throws -> BundleDocument {
        try parse("{\"keys\":[\(keys.joined(separator: ","))]}")
    }

    /// B-2: one number for both, that of the document.
    @Test func isReadAsItWasWritten() throws {
        let read = try parse(document.encoded)
        #expect(read.bundle.authorities == [root] && read.jwtBundle.authorities == [maker.authority])
        #expect(read.refreshHint == .seconds(300))
        #expect(read.sequence == 7 && read.bundle.sequence == 7 && read.jwtBundle.sequence == 7)
        #expect(read.encoded == document.encoded)
    }

    /// X-9, J-8, B-5: what is set and what is not.
    @Test func keysSayWhatTheyAreFor() throws {
        let rootKey = try key("x509-svid")
        #expect(rootKey["kid"] == nil && rootKey["x5c"]?.elements?.count == 1)
        #expect(rootKey["x5c"]?.elements?.first?.text == Base64.standard.encode(root.der))
        let jwtKey = try key("jwt-svid")
        #expect(jwtKey["kid"]?.text == maker.authority.keyID && jwtKey["kty"]?.text == "EC" && jwtKey["x5c"] == nil)
    }

    /// W-10
    @Test func theWorkloadAPIsDocumentHasTokenKeysOnly() throws {
        let keys = try JSONObject(Array(document.jwtBundle.encoded.utf8))["keys"]?.elements ?? []
        #expect(keys.compactMap { $0.object?["use"]?.text } == ["jwt-svid"])
        #expect(JWTBundle.empty(trustDomain).encoded == "{\"keys\":[]}")
    }

    /// B-1, B-4, B-6: nothing beside `keys` is needed, and what is unknown is passed over.
    @Test func unknownKeysArePassedOver() throws {
        let jwtKey = try key("jwt-svid").encoded
        let strange = [
            "1", "null", "[]", "{}", "{\"kty\":\"EC\"}", jwtKey.replacing("jwt-svid", with: "JWT-SVID"),
            jwtKey.replacing("jwt-svid", with: "wit-svid"), jwtKey.replacing("\"use\":\"jwt-svid\",", with: ""),
            jwtKey.replacing("\"EC\"", with: "\"oct\""), jwtKey.replacing("\"P-256\"", with: "\"secp256k1\""),
            jwtKey.replacing("\"kid\":\"\(maker.authority.keyID)\",", with: ""),
            jwtKey.replacing("\"ES256\"", with: "\"RS256\""), jwtKey.replacing("\"ES256\"", with: "\"none\""),
        ]
        for text in strange { #expect(text != jwtKey) }
        let read = try parse(keys: strange + [jwtKey])
        #expect(read.jwtBundle.authorities == [maker.authority] && read.bundle.authorities.isEmpty)
        #expect(read.refreshHint == nil && read.bundle.sequence == 0)
        #expect(try parse(keys: []).jwtBundle == .empty(trustDomain))
    }

    /// J-9, and the reverse: a key is for what `use` says.
    @Test func usesAreNotMixed() throws {
        let swapped = document.encoded.replacing("jwt-svid", with: "?").replacing("x509-svid", with: "jwt-svid")
            .replacing("?", with: "x509-svid")
        let read = try parse(swapped)
        #expect(read.bundle.authorities.isEmpty && read.jwtBundle.authorities.isEmpty)
    }

    /// X-10
    @Test func ofCertificatesTheFirstCounts() throws {
        let encoded = try key("x509-svid").encoded
        let certificate = "\"\(Base64.standard.encode(root.der))\""
        func roots(_ x5c: String) throws -> [Certificate] {
            try parse(keys: [encoded.replacing("[\(certificate)]", with: x5c)]).bundle.authorities
        }
        #expect(try roots("[\(certificate),\"AAAA\"]") == [root])
        for unusable in ["[]", "[\"AAAA\",\(certificate)]", "[1]", "\(certificate)", "null", "[\"\"]"] {
            #expect(try roots(unusable).isEmpty, "\(unusable)")
        }
    }

    /// F-2: a root of another trust domain is none of this.
    @Test func foreignRootsArePassedOver() throws {
        let foreign = try BundleDocument(parsing: Array(document.encoded.utf8), of: TrustDomain("other"))
        #expect(foreign.bundle.authorities.isEmpty && foreign.bundle.trustDomain.name == "other")
    }

    /// B-3: whole numbers only; B-4: `keys` is there.
    @Test(arguments: [
        ("", BundleDocumentError.notJSON(.unexpected(place: 0))), ("[]", .notJSON(.notAnObject)), ("{}", .noKeys),
        ("{\"keys\":{}}", .noKeys), ("{\"keys\":[],\"keys\":[]}", .notJSON(.duplicateMember("keys"))),
        ("{\"keys\":[],\"spiffe_sequence\":-1}", .notANaturalNumber(member: "spiffe_sequence")),
        ("{\"keys\":[],\"spiffe_sequence\":\"1\"}", .notANaturalNumber(member: "spiffe_sequence")),
        ("{\"keys\":[],\"spiffe_refresh_hint\":1.5}", .notANaturalNumber(member: "spiffe_refresh_hint")),
    ])
    func isNoBundle(_ text: String, _ error: BundleDocumentError) {
        #expect(throws: error) { try parse(text) }
    }

    @Test func limits() throws {
        let most = String(repeating: "{},", count: BundleDocument.mostKeys - 1) + "{}"
        #expect(throws: Never.self) { try parse("{\"keys\":[\(most)]}") }
        #expect(throws: BundleDocumentError.tooManyKeys(BundleDocument.mostKeys + 1)) {
            try parse("{\"keys\":[\(most),{}]}")
        }
        let long = "{\"keys\":[]}" + String(repeating: " ", count: BundleDocument.largest)
        #expect(throws: BundleDocumentError.tooLarge(bytes: long.utf8.count)) { try parse(long) }
    }

    /// Two keys under one ID: a token would not say which it means.
    @Test func keyIDsAreUnique() throws {
        let other = try #require(JWTAuthority(keyID: maker.authority.keyID, key: PrivateKey.generate().publicKey))
        let jwtKey = try key("jwt-svid").encoded
        let twin = try #require(other.jsonWebKey(use: "jwt-svid")).encoded
        #expect(throws: BundleDocumentError.ambiguousKeys) { try parse(keys: [jwtKey, twin]) }
    }

    // MARK: Keys

    @Test(arguments: [
        // Not on the curve, too short, too long, with padding, private.
        ("x", "\"\(String(repeating: "A", count: 43))\""), ("x", "\"AAAA\""),
        ("y", "\"\(String(repeating: "A", count: 44))\""),
        ("y", "\"\(String(repeating: "A", count: 43))=\""), ("x", "1"), ("d", "\"AAAA\""), ("k", "\"AAAA\""),
    ])
    func unsoundKeysArePassedOver(_ member: String, _ value: String) throws {
        let members = try key("jwt-svid").members.filter { $0.name != member }
        let text = members.map { "\"\($0.name)\":\($0.value.encoded)" } + ["\"\(member)\":\(value)"]
        #expect(try parse(keys: ["{\(text.joined(separator: ","))}"]).jwtBundle.authorities.isEmpty)
    }

    @Test(arguments: [
        ("AQAB", 256, true), ("Aw", 256, true), ("AQ", 256, false), ("AQAA", 256, false), ("AAEAAQ", 256, false),
        ("AQAAAAAB", 256, false), ("AQAB", 255, false), ("AQAB", 1024, true), ("AQAB", 1025, false), ("", 256, false),
    ])
    func rsaKeysAreOfSensibleSize(_ exponent: String, _ bytes: Int, _ isAccepted: Bool) throws {
        let modulus = Base64.url.encode([UInt8](repeating: 0xab, count: bytes))
        let key = "{\"kty\":\"RSA\",\"use\":\"jwt-svid\",\"kid\":\"k\",\"e\":\"\(exponent)\",\"n\":\"\(modulus)\"}"
        #expect(try parse(keys: [key]).jwtBundle.authorities.isEmpty != isAccepted)
    }

    @Test(arguments: KeyAlgorithm.allCases)
    func rootsOfEveryKindAreWritten(_ algorithm: KeyAlgorithm) throws {
        let root = try CertificateAuthority.createRoot(for: trustDomain, now: TokenMaker.now, algorithm: algorithm)
        let text = BundleDocument(bundle: root.bundle, jwtBundle: .empty(trustDomain)).encoded
        #expect(try parse(text).bundle.authorities == [root.certificate])
    }
}
