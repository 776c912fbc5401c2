import Identity
import Testing

@Suite struct QuotedTests {
    @Test(arguments: [
        ("web-0", "'web-0'"), ("", "''"), ("it's", "'it\\'s'"), ("a\\b", "'a\\\\b'"),
        ("two\nlines\r\u{0}", "'two\\x0alines\\x0d\\x00'"),
        // A terminal's escape sequence, and a right-to-left override.
        ("\u{1b}[2J", "'\\x1b[2J'"), ("a\u{202e}b", "'a\\xe2\\x80\\xaeb'"), ("\u{7f}", "'\\x7f'"),
    ])
    func showsOnlyWhatPrints(text: String, expected: String) {
        #expect(Quoted(text).description == expected)
    }

    @Test func isNoLongerThanALine() {
        #expect(Quoted(String(repeating: "a", count: 96)).description == "'" + String(repeating: "a", count: 96) + "'")
        #expect(Quoted(String(repeating: "a", count: 97)).description.hasSuffix("a...'"))
        #expect(Quoted(String(repeating: "\u{1b}", count: 1 << 20)).description.utf8.count < 400)
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
