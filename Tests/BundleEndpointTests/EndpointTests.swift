import Addressing
import Foundation
import Identity
import Issuance
import JOSE
import KernelTestSupport
import OpenSSLBinding
import Synchronization
import Testing

@testable import BundleEndpoint

/// The endpoint as curl and OpenSSL see it.
@Suite(.blocking, .timeLimit(.minutes(2))) struct EndpointTests {
    private static let now = Int64(Date().timeIntervalSince1970)
    private let directory: TemporaryDirectory
    private let domain: TrustDomain
    private let authority: CertificateAuthority

    init() throws {
        directory = try TemporaryDirectory()
        domain = try TrustDomain("example.org")
        authority = try CertificateAuthority.createRoot(for: domain, now: Self.now)
        try Data(authority.certificate.pem.utf8).write(to: URL(filePath: root))
    }

    private var root: String { directory.path + "/root.pem" }
    private var certificateFile: String { directory.path + "/web.pem" }
    private var keyFile: String { directory.path + "/web.key" }

    private func svid() throws -> KeyedSVID {
        let key = try PrivateKey.generate(.ecP256)
        let request = try ProvenRequest(csrDER: SigningRequest.make(key: key))
        return try KeyedSVID(
            svid: authority.sign(request, plan: .authority("main", in: domain), now: Self.now), key: key)
    }

    private func start(
        _ certificate: EndpointCertificate,
        now: @escaping @Sendable () -> Int64 = { Int64(Date().timeIntervalSince1970) },
        failed: @escaping @Sendable (EndpointCertificateError) -> Void = { _ in }
    ) async throws -> BundleEndpoint.Running {
        let jwtBundle = try #require(JWTBundle(trustDomain: domain, authorities: [], sequence: 0))
        let document = BundleDocument(bundle: authority.bundle, jwtBundle: jwtBundle)
        return try await BundleEndpoint(
            address: try #require(IPAddress("127.0.0.1")), port: 0, certificate: certificate,
            documents: { EndpointDocuments(bundle: document, discovery: nil) }, now: now, failed: failed,
            flooded: { _ in }
        ).start()
    }

    /// Makes a certificate of its own for `bundle.test`.
    private func makeWebCertificate() throws {
        try Command.run(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
            "-subj",
            "/CN=bundle.test", "-addext", "subjectAltName=DNS:bundle.test", "-keyout", keyFile, "-out", certificateFile)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: keyFile)
    }

    private func fetch(_ port: UInt16, _ more: String...) async throws -> (status: Int32, output: String) {
        let words =
            ["curl", "--silent", "--show-error", "--max-time", "60", "--cacert", certificateFile, "--resolve"]
            + ["bundle.test:\(port):127.0.0.1"] + more + ["https://bundle.test:\(port)/"]
        return try await outside { try Command.finish(words) }
    }

    private func eventually(_ what: Comment, _ holds: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while try await !holds() {
            try #require(.now < deadline, what)
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private func openssl(_ port: UInt16, _ more: String...) async throws -> String {
        let words = ["openssl", "s_client", "-connect", "127.0.0.1:\(port)", "-CAfile", root] + more
        return try await outside { try Command.finish(["sh", "-c", "\"$@\" </dev/null 2>&1", "sh"] + words).output }
    }

    /// F-6: with `https_spiffe` the server has a valid X.509-SVID, and asks nobody for a certificate.
    @Test func theSVIDLeadsToTheBundlesRoot() async throws {
        let svid = try svid()
        let running = try await start(.svid { svid })
        defer { running.stop() }
        let seen = try await openssl(running.port, "-verify_return_error")
        #expect(seen.contains("Verify return code: 0 (ok)") && seen.contains("No client certificate CA names sent"))
        let shown = try Command.run(
            "sh", "-c",
            "openssl s_client -connect 127.0.0.1:\(running.port) </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName"
        )
        #expect(shown.contains("URI:spiffe://example.org/podshield/authority/main"))
    }

    /// F-3: Mozilla's intermediate profile.
    @Test(arguments: [
        (["-tls1_3"], true), (["-tls1_2"], true), (["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], false),
        (["-tls1_2", "-cipher", "AES128-SHA"], false), (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"], false),
    ])
    func onlySoundTLSIsSpoken(_ options: [String], _ isSpoken: Bool) async throws {
        let svid = try svid()
        let running = try await start(.svid { svid })
        defer { running.stop() }
        let words = ["openssl", "s_client", "-connect", "127.0.0.1:\(running.port)"] + options
        let (status, output) = try await outside {
            try Command.finish(["sh", "-c", "\"$@\" </dev/null 2>&1", "sh"] + words)
        }
        #expect((status == 0) == isSpoken, "\(output)")
    }

    @Test func aWebCertificateIsTakenFromItsFilesAndAgainWhenTheyChange() async throws {
        try makeWebCertificate()
        let failures = Mutex<[String]>([])
        let running = try await start(
            .files(certificate: certificateFile, key: keyFile),
            failed: { failure in failures.withLock { $0.append(failure.description) } })
        defer { running.stop() }
        let (status, first) = try await fetch(running.port)
        #expect(status == 0)
        let read = try BundleDocument(parsing: Array(first.utf8), of: domain)
        #expect(read.bundle.authorities == authority.bundle.authorities)
        #expect(try await fetch(running.port, "--http1.0").output == first)
        #expect(
            try await fetch(running.port, "--data", "x", "--output", "/dev/null", "--write-out", "%{http_code}").output
                == "405")
        try makeWebCertificate()
        try await eventually("the new one is shown") { try await fetch(running.port).status == 0 }
        // A key that does not fit, then one that others can read: the one before serves on, and each is told once.
        try Command.run(
            "openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", keyFile)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: keyFile)
        try await eventually("it is told") {
            let status = try await fetch(running.port).status
            #expect(status == 0)
            return failures.withLock { $0.count } == 1
        }
        #expect(failures.withLock { $0[0] }.contains("is not the key of the first certificate"))
        try await Task.sleep(for: .milliseconds(1100))
        #expect(try await fetch(running.port).status == 0)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: keyFile)
        try Data("x".utf8).write(to: URL(filePath: keyFile))
        try await eventually("it is told, too") {
            let status = try await fetch(running.port).status
            #expect(status == 0)
            return failures.withLock { $0.count } >= 2
        }
        #expect(failures.withLock { $0.count } == 2 && failures.withLock { $0[1] }.contains("is open to others"))
    }

    /// Who renews it forgot to, or cannot.
    @Test(
        arguments: [
            (0, nil), (19 * 3600, "ends at"), (25 * 3600, "ended at"), (-3600, "is not valid yet"),
        ] as [(Int64, String?)])
    func itIsToldThatTheCertificateEnds(_ later: Int64, _ told: String?) async throws {
        try makeWebCertificate()
        let failures = Mutex<[String]>([])
        let running = try await start(
            .files(certificate: certificateFile, key: keyFile), now: { Int64(Date().timeIntervalSince1970) + later },
            failed: { failure in failures.withLock { $0.append(failure.description) } })
        defer { running.stop() }
        #expect(try await fetch(running.port).status == 0)
        #expect(failures.withLock { $0.count } == (told == nil ? 0 : 1))
        if let told { #expect(failures.withLock { $0.first }?.contains(told) == true) }
    }

    @Test func filesThatCannotBeReadEndTheStart() async throws {
        let files = EndpointCertificate.files(certificate: certificateFile, key: keyFile)
        await #expect {
            _ = try await start(files)
        } throws: {
            ($0 as? EndpointCertificateError)?.file == .certificate
        }
        try makeWebCertificate()
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: keyFile)
        await #expect {
            _ = try await start(files)
        } throws: {
            ($0 as? EndpointCertificateError)?.file == .key
        }
    }

    /// Nobody can keep the others out by opening connections and saying nothing; and none is kept for long.
    @Test func silentConnectionsOfOneSourceAreLimited() async throws {
        let svid = try svid()
        let running = try await start(.svid { svid })
        defer { running.stop() }
        let program = """
            import select, socket, sys, time
            held = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(50)]
            closed, end = set(), time.monotonic() + 4
            while len(closed) < 34 and time.monotonic() < end:
                for s in select.select([s for s in held if s not in closed], [], [], 0.2)[0]:
                    if not s.recv(1): closed.add(s)
            early = len(closed)
            while len(closed) < 50 and time.monotonic() < end + 10:
                for s in select.select([s for s in held if s not in closed], [], [], 0.2)[0]:
                    if not s.recv(1): closed.add(s)
            print(early, len(closed))
            """
        let closed = try Command.run("/usr/bin/python3", "-c", program, "\(running.port)")
        #expect(closed.trimmingCharacters(in: .whitespacesAndNewlines) == "34 50")
    }
}
