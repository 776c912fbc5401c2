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
