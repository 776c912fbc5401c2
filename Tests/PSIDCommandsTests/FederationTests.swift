import AdminAPI
import Foundation
import KernelTestSupport
import PSIDCommands
import Testing

@Suite struct FederationTests {
    private static func daemon() -> FakeDaemon {
        FakeDaemon {
            $0.statuses = [Messages.status]
            var relationship = Podshield_Admin_V1_FederationRelationship()
            relationship.trustDomain = "partner.example"
            relationship.url = "https://partner.example/"
            relationship.profile = "https_spiffe"
            relationship.endpointSpiffeID = "spiffe://partner.example/x"
            relationship.failure = "it is away"
            $0.federationCreate.relationship = relationship
            $0.federationList.relationships = [relationship]
            var bundle = Podshield_Admin_V1_TrustDomainBundle()
            bundle.trustDomain = "partner.example"
            bundle.document = "{}"
            bundle.storedAt = Messages.noon
            $0.bundleList.bundles = [bundle]
            $0.bundleSet.bundle = bundle
            $0.bundleDelete.bundle = bundle
        }
    }

    /// In our words and in SPIRE's.
    @Test(arguments: [
        [
            "--trust-domain", "partner.example", "--url", "https://partner.example/", "--profile", "https_spiffe",
            "--endpoint-spiffe-id", "spiffe://partner.example/x", "--bundle",
        ],
        [
            "-trustDomain", "partner.example", "-bundleEndpointURL", "https://partner.example/",
            "-bundleEndpointProfile", "https_spiffe", "-endpointSpiffeID", "spiffe://partner.example/x",
            "-trustDomainBundlePath",
        ],
    ])
    func creating(_ arguments: [String]) async throws {
        let directory = try TemporaryDirectory()
        let file = directory.path + "/bundle.json"
        try Data("{}".utf8).write(to: URL(filePath: file))
        let daemon = Self.daemon()
        let outcome = try await psid(["federation", "create"] + arguments + [file], to: daemon)
        #expect(outcome.status == .success, "\(outcome.messages)")
        #expect(outcome.output.contains("https_spiffe, spiffe://partner.example/x"))
        let asked = try #require(daemon.request(Podshield_Admin_V1_FederationCreateRequest.self))
        #expect(asked.relationship.trustDomain == "partner.example" && asked.relationship.profile == "https_spiffe")
        #expect(asked.relationship.url == "https://partner.example/" && asked.bundle.text == Data("{}".utf8))
        #expect(asked.relationship.endpointSpiffeID == "spiffe://partner.example/x")
    }

    @Test func aFileThatIsNotThere() async throws {
        let outcome = try await psid(
            "federation", "create", "--trust-domain", "a", "--url", "https://a", "--profile", "https_web", "--bundle",
            "/nonexistent", to: Self.daemon())
        #expect(outcome.status == .failure && outcome.messages.contains("/nonexistent cannot be read"))
    }

    @Test func listing() async throws {
        let outcome = try await psid("federation", "list", to: Self.daemon())
        #expect(outcome.output.contains("partner.example") && outcome.output.contains("it is away"))
        let bundles = try await psid("bundle", "list", to: Self.daemon())
        #expect(bundles.output.contains("partner.example"))
    }

    @Test func bundles() async throws {
        let daemon = Self.daemon()
        #expect(try await psid("bundle", "show", "-id", "partner.example", to: daemon).output == "{}\n")
        #expect(daemon.request(Podshield_Admin_V1_BundleListRequest.self)?.trustDomain == "partner.example")
        let deleted = try await psid("bundle", "delete", "--trust-domain", "partner.example", to: Self.daemon())
        #expect(deleted.output == "the bundle of partner.example is held no more\n")
    }

    @Test(arguments: ["partner.example", "spiffe://partner.example"]) func oneBundleIsListed(_ id: String) async throws
    {
        let daemon = Self.daemon()
        #expect(try await psid("bundle", "list", "-id", id, to: daemon).output.contains("partner.example"))
        #expect(daemon.request(Podshield_Admin_V1_BundleListRequest.self)?.trustDomain == id)
        #expect(try await psid("bundle", "count", to: Self.daemon()).output == "1\n")
    }

    private static func written(
        _ verb: String, _ text: String, to daemon: FakeDaemon, _ flags: String...
    ) async throws -> Outcome {
        let directory = try TemporaryDirectory()
        try Data(text.utf8).write(to: URL(filePath: directory.path + "/file"))
        return try await psid(["federation", verb, "-data", directory.path + "/file"] + flags, to: daemon)
    }

    private static let members = """
        "trustDomain": "partner.example", "bundleEndpointURL": "https://partner.example/",
        "bundleEndpointProfile": "https_spiffe", "endpointSPIFFEID": "spiffe://partner.example/x"
        """

    /// SPIRE's file, with the bundle in it as text or as it is.
    @Test(arguments: [
        (#""trustDomainBundle": "-----BEGIN", "trustDomainBundleFormat": "pem""#, "-----BEGIN", true),
        (#""trustDomainBundle": "-----BEGIN""#, "-----BEGIN", true),
        (
            #""trustDomainBundle": {"keys": [{"use": "x"}], "spiffe_sequence": 1}, "trustDomainBundleFormat": "spiffe""#,
            #"{"keys":[{"use":"x"}],"spiffe_sequence":1}"#, false
        ),
        (#""trustDomainBundleFormat": "pem""#, "", false),
    ])
    func aFileOfRelationships(_ bundle: String, _ text: String, _ isPEM: Bool) async throws {
        let daemon = Self.daemon()
        let outcome = try await Self.written(
            "create", "{\"federationRelationships\": [{\(Self.members), \(bundle)}]}", to: daemon)
        #expect(outcome.status == .success, "\(outcome.messages)")
        let asked = try #require(daemon.request(Podshield_Admin_V1_FederationCreateRequest.self))
        #expect(asked.relationship.url == "https://partner.example/" && asked.relationship.profile == "https_spiffe")
        #expect(asked.relationship.endpointSpiffeID == "spiffe://partner.example/x")
        #expect(asked.bundle.text == Data(text.utf8) && (asked.bundle.format == .pem) == isPEM)
    }

    /// What is printed can be given, for all of them at once.
    @Test func whatIsListedIsAFile() async throws {
        let listed = try await psid("federation", "list", "-o", "json", to: Self.daemon()).output
        let daemon = Self.daemon()
        let outcome = try await Self.written("update", listed, to: daemon)
        #expect(outcome.status == .success, "\(outcome.messages)")
        let asked = daemon.request(Podshield_Admin_V1_FederationUpdateRequest.self)
        #expect(asked?.relationship.trustDomain == "partner.example" && asked?.hasBundle == false)
    }

    @Test func ofSeveralEachIsTried() async throws {
        let refusing = FakeDaemon { $0.error = AdminError(.alreadyExists, "it is there") }
        let outcome = try await Self.written(
            "create", "{\"federationRelationships\": [{\(Self.members)}, {\(Self.members)}]}", to: refusing)
        #expect(outcome.status == .failure && outcome.messages.contains("2 of 2 relationships were refused"))
        #expect(outcome.messages.contains("relationship 2, partner.example: it is there"), "\(outcome.messages)")
    }

    @Test(arguments: [
        ("{}", "no list of relationships"), ("[]", "no list of relationships"),
        (#"{"relationships": [], "federationRelationships": []}"#, "no list of relationships"),
        (#"{"federationRelationships": [1]}"#, "relationship 1 is no object"),
        (#"{"federationRelationships": [{"url": "u", "profile": "p"}]}"#, "relationship 1: trustDomain is missing"),
        (#"{"federationRelationships": [{\#(members), "url": "u"}]}"#, "url stands twice"),
        (#"{"federationRelationships": [{\#(members), "more": "u"}]}"#, "'more' is not known"),
        (#"{"federationRelationships": [{\#(members), "trustDomainBundle": {}}]}"#, "trustDomainBundle makes no sense"),
        (
            #"{"federationRelationships": [{\#(members), "trustDomainBundle": "x", "trustDomainBundleFormat": "spiffe"}]}"#,
            "trustDomainBundle makes no sense"
        ),
        (
            #"{"federationRelationships": [{\#(members), "trustDomainBundleFormat": "der"}]}"#,
            "trustDomainBundleFormat makes no sense"
        ),
        (#"{"federationRelationships": [{\#(members)}], "more": 1}"#, "beside the relationships: 'more' is not known"),
    ])
    func filesThatSayNothing(_ text: String, _ words: String) async throws {
        let daemon = Self.daemon()
        let outcome = try await Self.written("create", text, to: daemon)
        #expect(outcome.status == .failure && outcome.messages.contains(words), "\(outcome.messages)")
        #expect(daemon.request(Podshield_Admin_V1_FederationCreateRequest.self) == nil)
    }

    @Test func aFileSaysAll() async throws {
        for flags in [["--url", "https://a"], ["-trustDomainBundleFormat", "pem"], ["--bundle", "x"]] {
            let outcome = await psid(["federation", "create", "-data", "x"] + flags)
            #expect(outcome.status == .usage && outcome.messages.contains("--data says all"), "\(outcome.messages)")
        }
        #expect(await psid(["federation", "create", "--url", "https://a"]).status == .usage)
    }

    @Test func entriesSayWhomTheyFederateWith() async throws {
        let daemon = FakeDaemon {
            $0.statuses = [Messages.status]
            $0.entryCreate.entry = Messages.entry
            $0.entryCreate.entry.federatesWith = ["partner.example"]
        }
        let outcome = try await psid(
            "entry", "create", "-spiffeID", "spiffe://example.org/x", "--namespace", "shop", "-federatesWith",
            "spiffe://partner.example", to: daemon)
        #expect(outcome.output.contains("federates with  partner.example"))
        let asked = try #require(daemon.request(Podshield_Admin_V1_EntryCreateRequest.self))
        #expect(asked.entry.federatesWith == ["spiffe://partner.example"])
    }
}
