import Foundation
import Identity
import Issuance
import JOSE
import KernelTestSupport
import OpenSSLBinding
import Testing

@testable import Federation

/// Fetches from a server that is not ours.
@Suite(.timeLimit(.minutes(2))) struct FetchingTests {
    private static let now = Int64(Date().timeIntervalSince1970)
    private let own: TrustDomain
    private let partner: CertificateAuthority
    private let partnerDomain: TrustDomain
    private let document: BundleDocument

    init() throws {
        own = try TrustDomain("example.org")
        partnerDomain = try TrustDomain("partner.example")
        partner = try CertificateAuthority.createRoot(for: partnerDomain, now: Self.now)
        document = BundleDocument(bundle: partner.bundle, jwtBundle: .empty(partnerDomain))
    }

    /// F-8, F-10: who would have to show itself anew after a redirect is not gone to: where a bundle is, the relationship says.
    @Test(arguments: ["web", "spiffe"], [301, 302, 303, 307, 308])
    func f8f10RedirectsAreNotFollowed(_ profile: String, _ status: Int) async throws {
        let directory = try TemporaryDirectory()
        let server: TestServer
        if profile == "web" {
            server = try TestServer(web: document, in: directory)
        } else {
            server = try TestServer(by: svid(partner, partnerDomain), document, in: directory)
        }
        let id = try SPIFFEID("spiffe://partner.example/podshield/authority/main")
        let known = profile == "web" ? EndpointProfile.web : .spiffe(id)
        await #expect(throws: FederationError.status(status)) {
            try await fetch("/\(status)", known, server) { _ in partner.bundle }
        }
        // Where it leads to is there, and is fetched when it is named.
        let fetched = try await fetch("/bundle", known, server) { _ in partner.bundle }
        #expect(fetched.document.bundle.authorities == partner.bundle.authorities)
        #expect(try server.asked() == ["/\(status)", "/bundle"])
    }

    /// F-9: an endpoint of another trust domain than that whose bundle it has; who it is, that one's bundle shows.
    @Test func f9AnEndpointMayServeForAnotherTrustDomain() async throws {
        let directory = try TemporaryDirectory()
        let host = try TrustDomain("host.example")
        let authority = try CertificateAuthority.createRoot(for: host, now: Self.now)
        let server = try TestServer(by: svid(authority, host), document, in: directory)
        let profile = EndpointProfile.spiffe(try SPIFFEID("spiffe://host.example/podshield/authority/main"))
        let fetched = try await fetch("/bundle", profile, server) { $0 == host ? authority.bundle : nil }
        #expect(fetched.trustDomain == partnerDomain)
        #expect(fetched.document.bundle.authorities == partner.bundle.authorities)
        // The bundle that it serves vouches for nobody who serves it.
        await #expect(throws: FederationError.noBundle(host)) {
            try await fetch("/bundle", profile, server) { $0 == host ? nil : partner.bundle }
        }
        let error = await #expect(throws: FederationError.self) {
            try await fetch("/bundle", profile, server) { _ in partner.bundle }
        }
        if case .endpoint = error {} else { Issue.record("\(String(describing: error))") }
        #expect(try server.asked() == ["/bundle"])
    }

    private func svid(_ authority: CertificateAuthority, _ domain: TrustDomain) throws -> KeyedSVID {
        let key = try PrivateKey.generate(.ecP256)
        let request = try ProvenRequest(csrDER: SigningRequest.make(key: key))
        return try KeyedSVID(
            svid: authority.sign(request, plan: .authority("main", in: domain), now: Self.now), key: key)
    }

    private func fetch(
        _ path: String, _ profile: EndpointProfile, _ server: TestServer,
        trusting: @escaping @Sendable (TrustDomain) -> TrustBundle?
    ) async throws -> ForeignBundle {
        let relationship = try Relationship(
            with: partnerDomain, of: own, at: EndpointURL("https://localhost:\(server.port)\(path)"), profile: profile)
        let fetcher = BundleFetcher(webRootsFile: server.certificate, now: { Int64(Date().timeIntervalSince1970) })
        return try await outside { try fetcher.fetch(relationship, trusting: trusting) }
    }
}

/// Serves a bundle at `/bundle`, and at `/302` and kin the way there.
private final class TestServer: Sendable {
    let port: UInt16
    let certificate: String
    private let log: String
    private let program: RunningProgram

    /// With a certificate of its own for `localhost`.
    convenience init(web document: BundleDocument, in directory: TemporaryDirectory) throws {
        try Command.run(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", directory.path + "/key",
            "-out", directory.path + "/certificate")
        try self.init(document, in: directory)
    }

    convenience init(by svid: KeyedSVID, _ document: BundleDocument, in directory: TemporaryDirectory) throws {
        let chain = try svid.svid.chain.map { try $0.pem }.joined()
        try Data(chain.utf8).write(to: URL(filePath: directory.path + "/certificate"))
        let key = try unsafe svid.key.pkcs8PEM().withUnsafeBytes { unsafe Data($0) }
        try key.write(to: URL(filePath: directory.path + "/key"))
        try self.init(document, in: directory)
    }

    private init(_ document: BundleDocument, in directory: TemporaryDirectory) throws {
        certificate = directory.path + "/certificate"
        log = directory.path + "/asked"
        try Data(document.encoded.utf8).write(to: URL(filePath: directory.path + "/bundle"))
        let output = Pipe()
        program = try RunningProgram(
            ["/usr/bin/python3", "-c", Self.script, directory.path], output: output.fileHandleForWriting)
        let said = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        port = try #require(UInt16(said.trimmingCharacters(in: .whitespacesAndNewlines)), "\(said)")
    }

    /// What was asked for, in this order.
    func asked() throws -> [String] {
        try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    private static let script = """
        import http.server, ssl, sys
        place = sys.argv[1]

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def do_GET(self):
                with open(place + "/asked", "a") as log: log.write(self.path + "\\n")
                status = 200 if self.path == "/bundle" else int(self.path[1:])
                body = open(place + "/bundle", "rb").read() if status == 200 else b""
                self.send_response(status)
                if status != 200: self.send_header("Location", f"https://localhost:{port}/bundle")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            def log_message(self, *words): pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        port = server.server_address[1]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(place + "/certificate", place + "/key")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        print(port, flush=True)
        server.serve_forever()
        """
}
