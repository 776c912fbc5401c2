import Addressing
import Foundation
import Identity
import Issuance
import JOSE
import KernelTestSupport
import OpenSSLBinding
import Testing

@testable import BundleEndpoint

/// Lists of what was taken back, as curl and OpenSSL take them from the endpoint.
@Suite(.blocking, .timeLimit(.minutes(2))) struct EndpointListTests {
    private let now = Int64(Date().timeIntervalSince1970)
    private let directory: TemporaryDirectory
    private let domain: TrustDomain
    private let authority: CertificateAuthority
    private let next: CertificateAuthority

    init() throws {
        directory = try TemporaryDirectory()
        domain = try TrustDomain("example.org")
        authority = try CertificateAuthority.createRoot(for: domain, now: now)
        next = try CertificateAuthority.createRoot(for: domain, now: now)
    }

    private func svid(by authority: CertificateAuthority) throws -> KeyedSVID {
        let key = try PrivateKey.generate(.ecP256)
        let request = try ProvenRequest(csrDER: SigningRequest.make(key: key))
        return try KeyedSVID(svid: authority.sign(request, plan: .authority("main", in: domain), now: now), key: key)
    }

    private func documents(_ lists: [RevocationList]) throws -> EndpointDocuments {
        let bundle = try TrustBundle(
            trustDomain: domain, authorities: [authority.certificate, next.certificate], revocations: lists,
            sequence: 2)
        let jwtBundle = try #require(JWTBundle(trustDomain: domain, authorities: [], sequence: 0))
        return EndpointDocuments(
            bundle: BundleDocument(bundle: bundle, jwtBundle: jwtBundle, refreshHint: .seconds(60)), discovery: nil)
    }

    /// From what the authority issued, as a verifier finds it: in its authority key identifier.
    private func path(from svid: KeyedSVID) throws -> String {
        try Data(svid.svid.leaf.pem.utf8).write(to: URL(filePath: directory.path + "/leaf.pem"))
        let shown = try Command.run(
            "openssl", "x509", "-in", directory.path + "/leaf.pem", "-noout", "-ext", "authorityKeyIdentifier")
        let last = try #require(shown.split(separator: "\n").last)
        let key = last.filter(\.isHexDigit).suffix(40).lowercased()
        #expect(key.count == 40)
        return "/crl/\(key).crl"
    }

    @Test func eachAuthorityHasItsOwn() throws {
        let lists = try [authority, next].map { try $0.revocationList(number: 4, of: [], issuedAt: now) }
        let documents = try documents(lists)
        for (signer, list) in zip([authority, next], lists) {
            let path = try path(from: svid(by: signer))
            let answer = EndpointAnswer(method: "GET", target: path + "?a", known: nil, documents)
            #expect(answer.status == 200 && answer.body == list.der)
            #expect(answer.headers.map(\.name) == ["Content-Type", "ETag", "Cache-Control"])
            #expect(answer.headers.first?.value == "application/pkix-crl" && answer.headers.last?.value == "max-age=60")
            let known = EndpointAnswer(method: "GET", target: path, known: answer.headers[1].value, documents)
            #expect(known.status == 304 && known.body.isEmpty)
            #expect(EndpointAnswer(method: "POST", target: path, known: nil, documents).status == 405)
        }
    }

    @Test(arguments: [
        "/crl", "/crl/", "/crl/.crl", "/crl/../", "/crl/KEY", "/crl/KEY.crl/", "/crl/KEY.pem", "/CRL/KEY.crl",
    ])
    func elsewhereIsNothing(_ form: String) throws {
        let documents = try documents([authority.revocationList(number: 4, of: [], issuedAt: now)])
        let key = try path(from: svid(by: authority)).dropFirst(5).dropLast(4)
        let target = form.replacing("KEY", with: key)
        #expect(EndpointAnswer(method: "GET", target: target, known: nil, documents).status == 404)
        // Of a CA whose list is not there.
        let other = try path(from: svid(by: next))
        #expect(EndpointAnswer(method: "GET", target: other, known: nil, documents).status == 404)
    }

    @Test func opensslRefusesByItWhatItTakesBack() async throws {
        let (good, bad) = (try svid(by: authority), try svid(by: authority))
        let revoked = RevokedCertificate(serial: serial(of: bad), revokedAt: now, reason: .keyCompromise)
        let documents = try documents([authority.revocationList(number: 4, of: [revoked], issuedAt: now)])
        let running = try await BundleEndpoint(
            address: try #require(IPAddress("127.0.0.1")), port: 0, certificate: .svid { good },
            documents: { documents }, now: { Int64(Date().timeIntervalSince1970) }, failed: { _ in }, flooded: { _ in }
        ).start()
        defer { running.stop() }
        let url = try "https://127.0.0.1:\(running.port)" + path(from: bad)
        let (list, root) = (directory.path + "/list.crl", directory.path + "/root.pem")
        try Data(authority.certificate.pem.utf8).write(to: URL(filePath: root))
        _ = try await outside { try Command.run("curl", "--silent", "--fail", "--insecure", "--output", list, url) }
        #expect(try verdict(good, list, root).contains("OK"))
        #expect(try verdict(bad, list, root).contains("certificate revoked"))
        let head = try await outside { try Command.run("curl", "--silent", "--head", "--insecure", url) }
        let size = try Data(contentsOf: URL(filePath: list)).count
        #expect(head.contains("200") && head.lowercased().contains("content-length: \(size)"))
    }

    @Test func theLongestListArrivesWhole() async throws {
        let revoked = (0..<RevocationList.mostCertificates).map { number in
            RevokedCertificate(
                serial: [1, UInt8(number >> 8), UInt8(number & 255)] + [UInt8](repeating: 7, count: 13), revokedAt: now,
                reason: .keyCompromise)
        }
        let longest = try authority.revocationList(number: 4, of: revoked, issuedAt: now)
        let (documents, svid) = (try documents([longest]), try svid(by: authority))
        answersByItsDigest(longest, documents, try path(from: svid))
        let running = try await BundleEndpoint(
            address: try #require(IPAddress("127.0.0.1")), port: 0, certificate: .svid { svid },
            documents: { documents }, now: { Int64(Date().timeIntervalSince1970) }, failed: { _ in }, flooded: { _ in }
        ).start()
        defer { running.stop() }
        let url = try "https://127.0.0.1:\(running.port)" + path(from: svid)
        let file = directory.path + "/list.crl"
        _ = try await outside { try Command.run("curl", "--silent", "--fail", "--insecure", "--output", file, url) }
        #expect(try [UInt8](Data(contentsOf: URL(filePath: file))) == longest.der && longest.der.count > 700_000)
    }

    private func answersByItsDigest(
        _ list: RevocationList, _ documents: EndpointDocuments, _ path: String
    ) {
        let answer = EndpointAnswer(method: "HEAD", target: path, known: nil, documents)
        let tag = SHA256Digest.hash(list.der).map { String(format: "%02x", $0) }.joined()
        #expect(answer.headers.contains { $0.name == "ETag" && $0.value == "\"\(tag)\"" })
    }

    private func serial(of svid: KeyedSVID) -> [UInt8] {
        let digits = Array(svid.svid.leaf.serialHex)
        return stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0..<$0 + 2]), radix: 16) }
    }

    private func verdict(_ svid: KeyedSVID, _ list: String, _ root: String) throws -> String {
        let leaf = directory.path + "/leaf.pem"
        try Data(svid.svid.leaf.pem.utf8).write(to: URL(filePath: leaf))
        return try Command.finish(
            [
                "sh", "-c", "\"$@\" 2>&1", "sh", "openssl", "verify", "-crl_check", "-CRLfile", list, "-CAfile", root,
                leaf,
            ]
        ).output
    }
}
