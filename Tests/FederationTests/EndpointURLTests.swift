import Testing

@testable import Federation

@Suite struct EndpointURLTests {
    @Test(
        arguments: [
            ("https://example.org", "example.org", 443, "/"), ("https://example.org/", "example.org", 443, "/"),
            ("https://example.org:8443/bundle.json?a=b", "example.org", 8443, "/bundle.json?a=b"),
            ("https://192.0.2.1:1", "192.0.2.1", 1, "/"), ("https://[2001:db8::1]:8443/x", "2001:db8::1", 8443, "/x"),
            ("https://[::1]", "::1", 443, "/"), ("https://example.org?x", "example.org", 443, "/?x"),
        ] as [(String, String, UInt16, String)])
    func parts(_ text: String, _ host: String, _ port: UInt16, _ target: String) throws {
        let url = try EndpointURL(text)
        #expect(url.host == host && url.port == port && url.target == target && url.text == text)
    }

    /// F-5: `https` alone, and no user; and nothing that would be another request.
    @Test(arguments: [
        "http://example.org", "example.org", "https://", "https:///x", "https://user@example.org",
        "https://a:b@example.org",
        "https://example.org#x", "https://example.org:", "https://example.org:0", "https://example.org:65536",
        "https://example.org:+1", "https://example.org:x", "https://exa mple.org", "https://example.org/a b",
        "https://example.org/\r\nHost: x", "https://example.org\\x", "https://[::1", "https://[::1]x", "https://::1",
        "https://[]", "https://exämple.org", "HTTPS://example.org", "https://a_b.example.org",
    ])
    func f5OthersAreRefused(_ text: String) {
        #expect(throws: FederationError.badURL(text)) { try EndpointURL(text) }
    }

    @Test func lengthIsLimited() {
        let text = "https://example.org/" + String(repeating: "a", count: EndpointURL.longest)
        #expect(throws: FederationError.badURL(text)) { try EndpointURL(text) }
    }
}
