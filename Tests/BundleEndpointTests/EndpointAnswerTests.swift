import Identity
import Issuance
import JOSE
import Testing

@testable import BundleEndpoint

@Suite struct EndpointAnswerTests {
    private static let documents: EndpointDocuments = {
        let domain = try! TrustDomain("example.org")
        let authority = try! CertificateAuthority.createRoot(for: domain, now: 1_800_000_000)
        let jwtBundle = JWTBundle(trustDomain: domain, authorities: [], sequence: 3)!
        return EndpointDocuments(
            bundle: BundleDocument(bundle: authority.bundle, jwtBundle: jwtBundle, refreshHint: .seconds(60)),
            discovery: DiscoveryDocument(issuer: try! JWTIssuer("https://oidc.example.org"), jwtBundle: jwtBundle))
    }()

    private func answer(_ method: String, _ target: String, known: String? = nil) -> EndpointAnswer {
        EndpointAnswer(method: method, target: target, known: known, Self.documents)
    }

    /// F-6: GET gives the newest bundle, as JSON in UTF-8.
    @Test func theBundle() throws {
        let answer = answer("GET", "/")
        #expect(answer.status == 200)
        #expect(answer.headers.map(\.name) == ["Content-Type", "ETag", "Cache-Control"])
        #expect(answer.headers.first?.value == "application/json" && answer.headers.last?.value == "max-age=60")
        let read = try BundleDocument(parsing: answer.body, of: TrustDomain("example.org"))
        #expect(read.bundle.authorities.count == 1 && read.refreshHint == .seconds(60))
    }

    @Test func whoHasItIsToldSo() throws {
        let tag = try #require(answer("GET", "/").headers.first { $0.name == "ETag" }).value
        let again = answer("GET", "/", known: tag)
        #expect(
            again.status == 304 && again.body.isEmpty && again.headers.contains { $0.name == "ETag" && $0.value == tag }
        )
        #expect(answer("GET", "/", known: "\"other\"").status == 200)
    }

    @Test(arguments: [
        ("GET", "/?format=spiffe", 200), ("HEAD", "/", 200), ("GET", "/.well-known/openid-configuration", 200),
        ("GET", "/keys", 200), ("GET", "/key", 404), ("GET", "", 404), ("GET", "//", 404), ("GET", "/../", 404),
        ("GET", "*", 404), ("GET", "https://example.org/", 200), ("GET", "HTTPS://example.org", 200),
        ("GET", "https://example.org/keys?a", 200), ("GET", "https://example.org/key", 404), ("GET", "https:///", 200),
        ("GET", "ftp://example.org/", 404), ("POST", "/", 405), ("DELETE", "/keys", 405),
        ("get", "/", 405),
        ("POST", "/nowhere", 404),
    ])
    func whatIsThere(_ method: String, _ target: String, _ status: Int) {
        #expect(answer(method, target).status == status)
    }

    @Test func withoutAnIssuerThereIsNothingOfOpenIDConnect() {
        let jwtBundle = JWTBundle(trustDomain: try! TrustDomain("a"), authorities: [], sequence: 0)!
        let documents = EndpointDocuments(
            bundle: BundleDocument(bundle: .empty(try! TrustDomain("a")), jwtBundle: jwtBundle), discovery: nil)
        for path in [DiscoveryDocument.configurationPath, DiscoveryDocument.keysPath] {
            #expect(EndpointAnswer(method: "GET", target: path, known: nil, documents).status == 404)
        }
    }
}
