import Identity
import Issuance
import JOSE
import KernelTestSupport
import OpenSSLBinding
import Testing

@testable import Federation

@Suite struct ForeignBundleTests {
    private let domain: TrustDomain
    private let bundle: TrustBundle

    init() throws {
        domain = try TrustDomain("partner.example")
        bundle = try CertificateAuthority.createRoot(for: domain, now: 1_800_000_000).bundle
    }

    private func foreign(sequence: UInt64 = 1, hint: Duration? = nil) throws -> ForeignBundle {
        var bundle = bundle
        bundle.sequence = sequence
        return try ForeignBundle(
            BundleDocument(bundle: bundle, jwtBundle: .empty(domain), refreshHint: hint))
    }

    /// What a document asks for counts within a minute and a day.
    @Test(
        arguments: [
            (nil, 300), (.seconds(0), 60), (.seconds(59), 60), (.seconds(600), 600), (.seconds(1 << 52), 86400),
        ] as [(Duration?, Int64)])
    func theHintHasBounds(_ hint: Duration?, _ seconds: Int64) throws {
        #expect(try foreign(hint: hint).refreshPause == .seconds(seconds))
    }

    @Test func aDocumentDoesNotGoBack() throws {
        let held = try foreign(sequence: 7)
        #expect(throws: FederationError.rolledBack(from: 7, to: 6)) {
            try foreign(sequence: 6).checkSuccession(to: held)
        }
        for sequence in [7, 8] as [UInt64] {
            #expect(throws: Never.self) { try foreign(sequence: sequence).checkSuccession(to: held) }
        }
        #expect(throws: Never.self) { try foreign(sequence: 0).checkSuccession(to: nil) }
    }

    @Test func whatIsPassedOnHasALimit() throws {
        let roots = try (0..<240).map { _ in
            try CertificateAuthority.createRoot(for: domain, now: 1_800_000_000).certificate
        }
        let large = try TrustBundle(trustDomain: domain, authorities: roots, sequence: 1)
        let error = #expect(throws: FederationError.self) {
            try ForeignBundle(BundleDocument(bundle: large, jwtBundle: .empty(domain)))
        }
        if case .tooLarge(let bytes) = error {
            #expect(bytes > ForeignBundle.largest)
        } else {
            Issue.record("\(String(describing: error))")
        }
    }

    /// Certificates may have a point compressed, keys in bundles have both coordinates.
    @Test func aRootWithACompressedPointIsPassedOn() throws {
        let directory = try TemporaryDirectory()
        let (key, compressed) = (directory.path + "/key.pem", directory.path + "/compressed.pem")
        try Command.run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        try Command.run("openssl", "ec", "-in", key, "-conv_form", "compressed", "-out", compressed)
        let text = try Command.run(
            "openssl", "req", "-x509", "-new", "-key", compressed, "-subj", "/", "-days", "1", "-addext",
            "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign", "-addext",
            "subjectAltName=URI:spiffe://partner.example")
        let root = try #require(try Certificate.parsePEMChain(text).first)
        #expect(root.publicKey.subjectPublicKeyInfo.count < bundle.authorities[0].publicKey.subjectPublicKeyInfo.count)
        let trusted = try TrustBundle(trustDomain: domain, authorities: [root], sequence: 1)
        let passedOn = try ForeignBundle(BundleDocument(bundle: trusted, jwtBundle: .empty(domain)))
        #expect(passedOn.document.bundle.authorities == [root])
    }

    /// Small roots may be too many for who reads a bundle, though it is not too large.
    @Test func whatNobodyReadsIsNotTaken() throws {
        let directory = try TemporaryDirectory()
        let key = directory.path + "/key.pem"
        try Command.run("openssl", "genpkey", "-algorithm", "ED25519", "-out", key)
        let text = try Command.run(
            "openssl", "req", "-x509", "-new", "-key", key, "-subj", "/", "-days", "1", "-addext",
            "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
        let root = try #require(try Certificate.parsePEMChain(text).first)
        for count in [BundleDocument.mostKeys, BundleDocument.mostKeys + 1] {
            let roots = [Certificate](repeating: root, count: count)
            let document = BundleDocument(
                bundle: try TrustBundle(trustDomain: domain, authorities: roots, sequence: 1), jwtBundle: .empty(domain)
            )
            #expect(document.encoded.utf8.count < ForeignBundle.largest)
            guard count > BundleDocument.mostKeys else {
                #expect(try ForeignBundle(document).document.bundle.authorities == roots)
                continue
            }
            #expect(throws: FederationError.document(.tooManyKeys(count))) { try ForeignBundle(document) }
        }
    }

    /// What we do not understand goes no further.
    @Test func itIsPassedOnInOurOwnWords() throws {
        let text = try foreign(sequence: 5).encoded.replacing(
            "\"keys\":[", with: "\"extra\":1,\"keys\":[{\"kty\":\"x\"},")
        let read = try ForeignBundle(parsing: Array(text.utf8), of: domain)
        #expect(read.encoded == (try foreign(sequence: 5).encoded))
    }

    @Test func nobodyFederatesWithOneself() throws {
        #expect(throws: FederationError.ownTrustDomain) {
            try Relationship(with: domain, of: domain, at: EndpointURL("https://a"), profile: .web)
        }
    }
}
