import Testing

@testable import JOSE

struct JSONTests {
    @Test(
        arguments: [
            ("{}", "{}"), (" [ ] ", "[]"), ("{\"a\":[1,-2,{\"b\":null}],\"c\":true,\"d\":false}", nil),
            ("\t{ \"a\" : \"b\" ,\r\n \"c\" : 0 }", "{\"a\":\"b\",\"c\":0}"),
            ("\"\\u0041\\n\\/\\\"\\\\\"", "\"A\\u000a/\\\"\\\\\""),
            ("\"\\ud83d\\ude00 \u{e9}\"", "\"\u{1f600} \u{e9}\""), ("\"\\u0000\"", "\"\\u0000\""),
            ("9007199254740991", nil),
            ("-9007199254740991", nil), ("1.5", nil), ("1e3", "1000.0"), ("-0.25E-2", "-0.0025"), ("-0", "0"),
            ("[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", nil),
        ] as [(String, String?)])
    func isReadAndWritten(_ text: String, _ written: String?) throws {
        let value = try JSONReader.read(Array(text.utf8))
        #expect(value.encoded == written ?? text)
        #expect(try JSONReader.read(Array(value.encoded.utf8)).encoded == value.encoded)
    }

    @Test(arguments: [
        "", " ", "{", "}", "[1,]", "[,1]", "[1 2]", "{\"a\":1,}", "{\"a\"}", "{a:1}", "{'a':1}", "{1:1}", "{}{}",
        "{} x", "tru",
        "True", "nulll", "01", "-", "+1", "1.", ".5", "1e", "1e+", "0x1", "NaN", "Infinity", "\"", "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"", "\"\\U0041\"", "\"a\nb\"", "\"\t\"", "// a\n1", "\u{feff}{}", "\u{a0}1",
    ])
    func isNoJSON(_ text: String) {
        let error = #expect(throws: JSONError.self) { try JSONReader.read(Array(text.utf8)) }
        if case .unexpected = error {} else { Issue.record("\(String(describing: error))") }
    }

    @Test(arguments: [
        ("9007199254740992", JSONError.numberOutOfRange), ("-9007199254740992", .numberOutOfRange),
        ("99999999999999999999999999", .numberOutOfRange), ("1e400", .numberOutOfRange),
        ("[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", .tooDeep), ("\"\\ud800\"", .loneSurrogate),
        ("\"\\ude00\\ud83d\"", .loneSurrogate), ("\"\\ud83dx\"", .loneSurrogate), ("\"\\ud83d\\n\"", .loneSurrogate),
        ("{\"a\":1,\"a\":1}", .duplicateMember("a")), ("{\"a\":1,\"\\u0061\":2}", .duplicateMember("a")),
        ("[{\"a\":{\"b\":1,\"b\":2}}]", .duplicateMember("b")),
        // Another text to us, the same to a reader that normalizes.
        ("{\"\u{e9}\":1,\"e\u{301}\":2}", .duplicateMember("\u{e9}")),
    ])
    func isRefused(_ text: String, _ error: JSONError) {
        #expect(throws: error) { try JSONReader.read(Array(text.utf8)) }
    }

    @Test(arguments: [[0x22, 0xff, 0x22], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22]] as [[UInt8]])
    func isNotUTF8(_ bytes: [UInt8]) {
        #expect(throws: JSONError.notUTF8) { try JSONReader.read(bytes) }
    }

    @Test func onlyAnObjectIsAnObject() {
        #expect(throws: JSONError.notAnObject) { try JSONObject(Array("[]".utf8)) }
    }

    @Test func membersAreFoundByTheirBytes() throws {
        let object = try JSONObject(Array("{\"\u{212a}\":1}".utf8))
        #expect("\u{212a}" == "K")
        #expect(object["K"] == nil && object["\u{212a}"]?.integer == 1)
    }
}
