import Identity
import Testing

@testable import JOSE

struct DiscoveryTests {
    @Test func theTwoTexts() throws {
        let maker = try TokenMaker()
        let document = DiscoveryDocument(issuer: try JWTIssuer("https://oidc.td.example"), jwtBundle: try maker.bundle)
        let expected = """
            {"issuer":"https://oidc.td.example","jwks_uri":"https://oidc.td.example/keys",\
            "response_types_supported":["id_token"],"subject_types_supported":["public"],\
            "id_token_signing_alg_values_supported":["ES256"]}
            """
        #expect(document.configuration == expected)
        let keys = try JSONObject(Array(document.keys.utf8))["keys"]?.elements ?? []
        let key = try #require(keys.first?.object)
        #expect(keys.count == 1 && key["use"]?.text == "sig" && key["alg"]?.text == "ES256")
        #expect(key["kid"]?.text == maker.authority.keyID)
    }

    @Test(arguments: ["https://a", "https://a.b:8443/c/d", "https://[fd00::1]/x", "https://a/~b_c-d"])
    func isAnIssuer(_ text: String) throws {
        #expect(try JWTIssuer(text).url == text)
    }

    @Test(arguments: [
        "", "https://", "https:///a", "http://a", "HTTPS://a", "https://a/", "https://a//b", "https://a?b",
        "https://a#b",
        "https://u@a", "https://a b", "https://a%2f", "https://ä", "https://a\u{301}", "https://a\n", "a",
        "https://" + String(repeating: "a", count: 249),
    ])
    func isNoIssuer(_ text: String) {
        #expect(throws: JWTIssuerError.notAURL(text)) { try JWTIssuer(text) }
    }
}
