import Addressing
import Testing

struct AddressTests {
    @Test(arguments: [
        ("10.0.0.1", "10.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("::", "::"), ("::1", "::1"),
        ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("fd00:0:0:1::", "fd00:0:0:1::"),
        ("::ffff:10.1.2.3", "10.1.2.3"), ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
        ("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"),
    ])
    func canonicalText(_ text: String, _ canonical: String) {
        #expect(IPAddress(text)?.description == canonical)
    }

    @Test(arguments: [
        "", "10.0.0", "10.0.0.0.1", "10.0.0.256", "10.0.0.01", "10.0.0.+1", " 10.0.0.1", "10.0.0.1/8", ":", ":::",
        "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "g::", "fe80::1%eth0", "::10.0.0.256", "１0.0.0.1",
        "1.2.3.4::", "1:2.3.4.5::6", "1.2.3.4:5::",
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

    @Test func everyLengthHoldsItsEndsAndNoMore() throws {
        for (text, bits) in [("203.0.113.170", 32), ("2001:db8:a5a5::c3c3:5a5a", 128)] {
            let address = try #require(IPAddress(text))
            for length in 0...bits {
                let prefix = try #require(IPPrefix(containing: address, length: length))
                #expect(prefix.length == length && IPPrefix(prefix.address, length: length) == prefix)
                #expect(prefix.contains(address) && prefix.contains(prefix.lastAddress))
                // The neighbour that differs in the last bit of the prefix is outside.
                guard length > 0 else { continue }
                let index = prefix.mappedLength - 1
                var bytes = address.bytes
                bytes[index / 8] ^= 0x80 >> UInt8(index % 8)
                #expect(try !prefix.contains(#require(IPAddress(bytes: bytes))), "\(prefix)")
            }
            #expect(IPPrefix(containing: address, length: bits + 1) == nil)
            #expect(IPPrefix(containing: address, length: -1) == nil)
        }
        let prefix = try #require(IPPrefix("10.1.128.0/17"))
        #expect(prefix.lastAddress.description == "10.1.255.255")
    }

    @Test(arguments: [
        "10.0.0.1/8", "10.0.0.0/33", "fd00::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "fd00::1/64",
    ])
    func notAPrefix(_ text: String) {
        #expect(IPPrefix(text) == nil)
    }

    @Test(arguments: [
        ("::/0", true), ("::/80", true), ("::ff00:0:0/88", true), ("::fffe:0:0/95", true), ("::/81", false),
        ("::/96", false),
        ("8000::/1", false), ("fd00::/8", false), ("0.0.0.0/0", false), ("::ffff:0.0.0.0/0", false),
    ])
    func prefixesWideEnoughToHoldMappedAddresses(_ text: String, _ expected: Bool) throws {
        #expect(try #require(IPPrefix(text)).holdsMappedIPv4 == expected)
    }

    @Test(arguments: [
        ("192.0.2.7", "192.0.2.7/32"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("::1", "::/64"),
    ])
    func sites(_ address: String, _ site: String) throws {
        #expect(try #require(IPAddress(address)).site.description == site)
    }
}
