import Identity
import PrintableText
import Testing

@Suite struct QuotedTests {
    @Test(arguments: [
        ("web-0", "'web-0'"), ("", "''"), ("zürich", "'zürich'"), ("two\nlines\r\u{0}", "'two\\nlines\\r\\0'"),
        // A terminal's escape sequence, a right-to-left override, a line separator.
        ("\u{1b}[2J", "'\\u{1B}[2J'"), ("a\u{202e}b", "'a\\u{202E}b'"), ("\u{2028}", "'\\u{2028}'"),
    ])
    func showsOnlyWhatPrints(text: String, expected: String) { #expect(text.quoted == expected) }

    @Test func isNoLongerThanALine() {
        #expect(String(repeating: "a", count: 80).quoted.hasSuffix("a'"))
        #expect(String(repeating: "a", count: 81).quoted.hasSuffix("a…'"))
        #expect(String(repeating: "\u{1b}", count: 1 << 20).quoted.unicodeScalars.count < 700)
        // One character, as Swift counts.
        #expect(("a" + String(repeating: "\u{301}", count: 1 << 20)).quoted.unicodeScalars.count < 100)
    }

    /// Refusals end up in logs and on terminals.
    @Test(arguments: [
        "spiffe:\u{1b}[2J", "spiffe://Ex\u{1b}ample/", "spiffe://example.org/a\nb", "spiffe://example.org//\u{7}",
    ])
    func errorsShowNothingElse(text: String) {
        let error = #expect(throws: SPIFFEIDError.self) { try SPIFFEID(text) }
        #expect(error.map { "\($0)".utf8.allSatisfy { (0x20...0x7e).contains($0) } } == true)
    }
}
