import Configuration
import Federation
import Identity
import Testing

/// Which other trust domains an authority federates with from the start.
@Suite struct FederationTests {
    private static let web = "trust-domain: partner.example, url: \"https://p:8443/\", profile: https-web"

    private func federated(_ yaml: String) throws -> [PodshieldConfiguration.Federated] {
        try #require(try PodshieldConfiguration(yaml: Documents.authority + yaml, file: "f").authority).relationships
    }

    @Test func withoutTheSectionThereAreNone() throws {
        #expect(try federated("") == [])
        #expect(try federated("federation: {relationships: []}\n") == [])
    }

    @Test func everythingSet() throws {
        let found = try federated(Documents.federation)
        let relationship = try #require(found.first?.relationship)
        #expect(found.count == 1 && found[0].bundleFile == "/b.json")
        #expect(relationship.trustDomain.name == "partner.example" && relationship.url.text == "https://p:8443/")
        #expect(relationship.profile == .spiffe(try SPIFFEID("spiffe://partner.example/podshield/authority/main")))
    }

    @Test func anEndpointOfTheWebHasNoID() throws {
        let found = try federated("federation: {relationships: [{\(Self.web)}]}\n")
        #expect(found.map(\.relationship.profile) == [.web] && found[0].bundleFile == nil)
    }

    @Test(arguments: [
        BadDocument(
            Documents.authority + "federation: {relationships: [{url: \"https://p/\"}]}\n",
            "f:5:29: federation.relationships: an element has no trust-domain"),
        BadDocument(
            Documents.authority + "federation: {relationships: [{trust-domain: p.example, profile: https-web}]}\n",
            "f:5:45: federation.relationships: an element has no url"),
        BadDocument(
            Documents.authority
                + "federation: {relationships: [{trust-domain: P, url: \"http://p/\", profile: https-web}]}\n",
            "f:5:45: federation.relationships: 'P' is not a trust domain: letters a to z, digits, '.', '-', '_'",
            "f:5:53: federation.relationships: 'http://p/' is not an https URL without a user and a fragment"),
        BadDocument(
            Documents.authority + "federation: {relationships: [{trust-domain: p, url: \"https://p/\"}]}\n",
            "f:5:45: federation.relationships: endpoint-spiffe-id is missing: who is at the URL?"),
        BadDocument(
            Documents.authority + "federation: {relationships: [{\(web), endpoint-spiffe-id: \"spiffe://p/a\"}]}\n",
            "f:5:126: federation.relationships: endpoint-spiffe-id says nothing with profile https-web"),
        BadDocument(
            Documents.authority + "federation: {relationships: [{\(web)}, {\(web)}]}\n",
            "f:5:29: federation.relationships: partner.example stands more than once"),
        BadDocument(
            Documents.authority
                + "federation: {relationships: [{trust-domain: example.org, url: \"https://p/\", profile: https-web}]}\n",
            "f:5:45: federation.relationships: a trust domain does not federate with itself"),
    ])
    func problems(_ document: BadDocument) { document.check() }
}
