import Identity
import Testing

/// The lines of SPIFFE-ID.md section 2; each case is named by the checklist's id.
struct SPIFFEIDTests {
    /// ID-3, ID-6: also a dotted quad, and upper case in paths.
    @Test(arguments: [
        "spiffe://example.org/ns/shop/sa/web", "spiffe://example.org", "spiffe://a/b", "spiffe://10.1.2.3/x",
        "spiffe://td/A-Z_0.9", "spiffe://td_1.x-y/...", "spiffe://td/a..b", "spiffe://-/-",
    ])
    func parsesAndPrintsTheSame(_ text: String) throws {
        #expect(try SPIFFEID(text).description == text)
    }

    @Test(arguments: [
        ("ID-1", "https://example.org/a"), ("ID-1", ""), ("ID-1", "spiffe:/example.org/a"), ("ID-1", "example.org/a"),
        ("ID-1", "spiffe:///a"), ("ID-1", "spiffe://"), ("ID-1", "spiffe://td/a?b=c"), ("ID-1", "spiffe://td/a#b"),
        ("ID-1", "spiffe://td?b"), ("ID-2", "spiffe://user@td/a"), ("ID-2", "spiffe://td:8443/a"),
        ("ID-2", "spiffe://t%64/a"), ("ID-2", "spiffe://t d/a"), ("ID-2", "spiffe://täglich/a"),
        ("ID-3", "spiffe://[::1]/a"), ("ID-4", "spiffe://td/"), ("ID-4", "spiffe://td/a/"), ("ID-4", "spiffe://td//a"),
        ("ID-4", "spiffe://td/a//b"), ("ID-4", "spiffe://td/./a"), ("ID-4", "spiffe://td/a/.."),
        ("ID-4", "spiffe://td/a/../b"), ("ID-4", "spiffe://td/%61"), ("ID-4", "spiffe://td/a b"),
        ("ID-4", "spiffe://td/a\u{0}"), ("ID-4", "spiffe://td/a\n"), ("ID-4", "spiffe://td/ä"),
        ("ID-4", "spiffe://td/a\\b"), ("ID-4", "spiffe://td/a\u{301}"), ("ID-4", "spiffe://td/\u{301}a"),
        // Decided: upper case in what section 2.4 calls case-insensitive is refused, never folded.
        ("ID-6", "SPIFFE://td/a"), ("ID-6", "spiffe://TD/a"), ("ID-6", "spiffe://Td/a"),
    ])
    func isRefused(_ rule: String, _ text: String) {
        #expect(throws: SPIFFEIDError.self, "\(rule)") { try SPIFFEID(text) }
    }

    /// ID-5: 2048 bytes in all and 255 of trust domain are the most.
    @Test func lengthLimits() throws {
        let prefix = "spiffe://td/"
        #expect(throws: Never.self) { try SPIFFEID(prefix + String(repeating: "a", count: 2048 - prefix.utf8.count)) }
        #expect(throws: SPIFFEIDError.tooLong(2049)) {
            try SPIFFEID(prefix + String(repeating: "a", count: 2049 - prefix.utf8.count))
        }
        #expect(throws: Never.self) { try TrustDomain(String(repeating: "a", count: 255)) }
        #expect(throws: SPIFFEIDError.trustDomainTooLong(256)) { try TrustDomain(String(repeating: "a", count: 256)) }
    }

    /// ID-6: the path is case-sensitive.
    @Test func pathIsCaseSensitive() throws {
        #expect(try SPIFFEID("spiffe://td/A") != SPIFFEID("spiffe://td/a"))
    }

    @Test(arguments: [
        ("spiffe://td", SPIFFEID.Kind.trustDomain), ("spiffe://td/podshield/node/n1", .node(name: "n1")),
        ("spiffe://td/podshield/authority/a", .authority(name: "a")), ("spiffe://td/ns/shop/sa/web", .workload),
        ("spiffe://td/podshield", .reserved), ("spiffe://td/podshield/node", .reserved),
        ("spiffe://td/podshield/node/a/b", .reserved), ("spiffe://td/podshield/other/a", .reserved),
        ("spiffe://td/podshieldx/node/a", .workload), ("spiffe://td/Podshield/node/a", .workload),
        ("spiffe://td/ns/podshield/node/a", .workload),
    ])
    func kindOfPath(_ text: String, _ kind: SPIFFEID.Kind) throws {
        #expect(try SPIFFEID(text).kind == kind)
    }

    @Test(arguments: ["", "a/b", "..", "a b", "a/", "/"])
    func reservedNamesTakeOneSegmentOnly(_ name: String) throws {
        let domain = try TrustDomain("td")
        let id = try? ReservedNames.node(name, in: domain)
        #expect(id == nil || id?.kind == .reserved)
    }
}
