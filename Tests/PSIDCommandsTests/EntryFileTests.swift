import AdminAPI
import Foundation
import KernelTestSupport
import Testing

@testable import PSIDCommands

@Suite struct EntryFileTests {
    private static func entries(_ text: String) throws -> [Podshield_Admin_V1_Entry] {
        try EntryFile.entries(Array(text.utf8))
    }

    private static func problem(_ text: String) -> String? {
        do {
            _ = try entries(text)
            return nil
        } catch { return (error as? InputFileProblem)?.description ?? "\(error)" }
    }

    @Test func bothForms() throws {
        let found = try Self.entries(
            """
            {"entries": [
              {"spiffe_id": "spiffe://example.org/a", "parent_id": "spiffe://example.org/podshield/node/n", "x509_svid_ttl": 90,
               "selectors": [{"type": "unix", "value": "uid:1"}, {"type": "k8s", "value": "pod-label:a:b"}], "dns_names": ["d"],
               "admin": false, "downstream": false, "jwt_svid_ttl": 30, "federates_with": [], "entry_id": "e1"},
              {"schema": 1, "id": "e2", "spiffeID": "spiffe://example.org/b", "selectors": ["unix:uid:2"], "labels": {"t": "f"},
               "dnsNames": [], "hint": "h", "svidTTL": 60, "downstream": true, "createdAt": "2025-11-25T19:16:17Z"}
            ]}
            """)
        #expect(
            found.map(\.id) == ["e1", "e2"]
                && found.map(\.spiffeID) == ["spiffe://example.org/a", "spiffe://example.org/b"])
        #expect(found[0].selectors == ["unix:uid:1", "k8s:pod-label:a:b"] && found[0].svidTtl == 90)
        #expect(found[0].jwtSvidTtl == 30 && found[1].jwtSvidTtl == 0)
        #expect(found[0].parentID == "spiffe://example.org/podshield/node/n" && found[0].dnsNames == ["d"])
        #expect(found[1].selectors == ["unix:uid:2"] && found[1].labels == ["t": "f"])
        #expect(!found[0].downstream && found[1].downstream)
        #expect(found[1].svidTtl == 60 && found[1].hint == "h" && found[1].parentID.isEmpty)
    }

    @Test(arguments: [
        ("{}", "no list of entries"), (#"{"entries": []}"#, "no list of entries"), ("[]", "no list of entries"),
        (#"{"entries": [1]}"#, "entry 1 is no object"),
        (#"{"entries": [{"selectors": []}]}"#, "entry 1: spiffeID is missing"),
        (#"{"entries": [{"spiffe_id": "a", "spiffeID": "a", "selectors": []}]}"#, "spiffeID stands twice"),
        (#"{"entries": [{"spiffe_id": 1, "selectors": []}]}"#, "spiffeID makes no sense"),
        (#"{"entries": [{"spiffe_id": "a", "selectors": ["a:b"], "x509_svid_ttl": -1}]}"#, "svidTTL makes no sense"),
        (#"{"entries": [{"spiffe_id": "a", "selectors": [{"type": "unix"}]}]}"#, "selectors makes no sense"),
        (#"{"entries": [{"spiffe_id": "a", "selectors": ["a:b"], "dns_names": [1]}]}"#, "dnsNames makes no sense"),
        (#"{"entries": [{"spiffe_id": "a", "selectors": ["a:b"], "admin": true}]}"#, "entry 1: admin is not supported"),
        (
            #"{"entries": [{"spiffe_id": "a", "selectors": ["a:b"], "federates_with": [1]}]}"#,
            "federatesWith makes no sense"
        ),
        (#"{"entries": [{"spiffe_id": "a", "selectors": ["a:b"], "downstream": "no"}]}"#, "downstream makes no sense"),
        (#"{"entries": [{"spiffe_id": "a", "selectors": ["a:b"], "nonsense": 0}]}"#, "'nonsense' is not known"),
        (#"{"entries": [{"spiffe_id": "a", "spiffe_id": "b", "selectors": ["a:b"]}]}"#, "'spiffe_id' occurs twice"),
        (
            #"{"entries": [{"spiffe_id": "a", "selectors": ["a:b"], "labels": {"a": "b", "a": "c"}}]}"#,
            "'a' occurs twice"
        ),
        (#"{"entries": [{"spiffe_id": "a", "selectors": ["a:b"]}], "entries": []}"#, "'entries' occurs twice"),
        (#"{"entries": [{"spiffe_id": "a", "selectors": ["a:b"]}], "next_page_token": "b"}"#, "is not supported"),
        (#"{"entries": [{"spiffe_id": "a", "selectors": ["a:b"]}], "more": []}"#, "'more' is not known"),
        (#"{"entries": [{"spiffe_id": "a", "selectors": ["a:b"], "downstream": 1}]}"#, "downstream makes no sense"),
        (#"{"entries": [{"spiffe_id": "a", "selectors": ["a:b"], "x509_svid_ttl": true}]}"#, "svidTTL makes no sense"),
        (#"{"entries": [{"spiffe_id": "a", "selectors": ["a:b"], "hint": "\ud800"}]}"#, "half of a surrogate pair"),
        ("", "it is no JSON"),
    ])
    func whatIsWrongIsNamed(_ text: String, _ words: String) {
        #expect(Self.problem(text)?.contains(words) == true, "\(Self.problem(text) ?? "it was taken")")
    }

    @Test func eachOfAFileIsWrittenOrNamed() async throws {
        let directory = try TemporaryDirectory()
        let file = directory.path + "/entries.json"
        let entries = ["a", "b", "c"].map {
            #"{"spiffe_id": "spiffe://example.org/\#($0)", "selectors": ["unix:uid:1"]}"#
        }
        try Data(#"{"entries": [\#(entries.joined(separator: ","))]}"#.utf8).write(to: URL(filePath: file))
        let daemon = FakeDaemon { $0.entryCreate.entry = Messages.entry }
        let outcome = try await psid("entry", "create", "-data", file, to: daemon)
        #expect(outcome.status == .success && outcome.output.split(separator: "\n").count == 4)
        let refusing = FakeDaemon { $0.error = AdminError(.alreadyExists, "entry e1 says the same") }
        let refused = try await psid("entry", "create", "--data", file, to: refusing)
        #expect(refused.status == .failure)
        #expect(refused.messages.contains("entry 2, spiffe://example.org/b: entry e1 says the same"))
        #expect(refused.messages.contains("3 of 3 entries were refused"))
    }

    @Test func badFiles() async throws {
        let missing = try await psid("entry", "create", "--data", "/nowhere", to: FakeDaemon { _ in })
        #expect(missing.status == .failure && missing.messages.contains("/nowhere cannot be read"))
        let both = try await psid(
            "entry", "create", "--data", "x", "--spiffe-id", "spiffe://example.org/a", to: FakeDaemon { _ in })
        #expect(both.status == .usage && both.messages.contains("--data says all"))
    }
}
