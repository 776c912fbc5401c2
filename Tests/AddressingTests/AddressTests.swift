import Addressing
import Testing

struct AddressTests {
    @Test(arguments: [
        ("10.0.0.1", "10.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("::", "::"), ("::1", "::1"),
        ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("fd00:0:0:1::", "fd00:0:0:1::"),
        ("::ffff:10.1.2.3", "10.1.2.3"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"),
    ])
    func canonicalText(_ text: String, _ canonical: String) {
        #expect(IPAddress(text)?.description == canonical)
    }

    @Test(arguments: [
        "", "10.0.0", "10.0.0.0.1", "10.0.0.256", "10.0.0.01", "10.0.0.+1", " 10.0.0.1", "10.0.0.1/8", ":", ":::",
        "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "g::", "fe80::1%eth0", "::10.0.0.256", "１0.0.0.1",
    ])
    func notAnAddress(_ text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false), ("0.0.0.0/0", "8.8.8.8", true),
        ("0.0.0.0/0", "::1", false), ("::/0", "10.0.0.1", false), ("fd00::/64", "fd00::ffff", true),
        ("fd00::/64", "fd00:0:0:1::", false), ("10.0.0.1", "10.0.0.1", true), ("10.0.0.1", "10.0.0.2", false),
        ("10.0.0.128/25", "10.0.0.127", false),
    ])
    func prefixContains(_ prefix: String, _ address: String, _ expected: Bool) throws {
        let prefix = try #require(IPPrefix(prefix))
        #expect(try prefix.contains(#require(IPAddress(address))) == expected)
    }

    @Test(arguments: [
        "10.0.0.1/8", "10.0.0.0/33", "fd00::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "fd00::1/64",
    ])
    func notAPrefix(_ text: String) {
        #expect(IPPrefix(text) == nil)
    }
}
