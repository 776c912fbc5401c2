import JOSE
import Testing

struct Base64Tests {
    /// RFC 4648 section 10, and the bytes whose digits differ between the two alphabets.
    @Test(arguments: [
        ("", "", ""), ("f", "Zg==", "Zg"), ("fo", "Zm8=", "Zm8"), ("foo", "Zm9v", "Zm9v"),
        ("foob", "Zm9vYg==", "Zm9vYg"),
        ("fooba", "Zm9vYmE=", "Zm9vYmE"), ("foobar", "Zm9vYmFy", "Zm9vYmFy"), ("<<???>>", "PDw/Pz8+Pg==", "PDw_Pz8-Pg"),
    ])
    func vectors(_ text: String, _ standard: String, _ url: String) {
        let bytes = Array(text.utf8)
        #expect(Base64.standard.encode(bytes) == standard && Base64.url.encode(bytes) == url)
        #expect(Base64.standard.decode(standard.utf8) == bytes && Base64.url.decode(url.utf8) == bytes)
    }

    @Test(arguments: [
        // Padding, the other alphabet, white space, a digit that is no byte, bits that belong to no byte.
        "Zg==", "Zm8=", "PDw/Pz8+Pg", "Zm9v\n", " Zm9v", "Zm 9v", "Z", "Zm9vY", "Zh", "Zm9", "=", "Zm9v.", "Zm9vé",
    ])
    func isNotBase64URL(_ text: String) {
        #expect(Base64.url.decode(text.utf8) == nil)
    }

    @Test(arguments: [
        "Zg", "Zg=", "Zg===", "=", "====", "Zm9=", "Zh==", "Z===", "PDw_", "Zm9v\n", "Zg==Zg==", "Zm9v====",
    ])
    func isNotBase64(_ text: String) {
        #expect(Base64.standard.decode(text.utf8) == nil)
    }
}
