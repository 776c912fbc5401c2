import Foundation
import Identity
import OpenSSLBinding
import Testing

@testable import Issuance

/// An authority below another's, as `openssl` makes those above.
@Suite struct UpstreamTests {
    private let domain: TrustDomain
    /// Later than the beginning of what `openssl` makes in the next moment, and less than what is back-dated here.
    private let now = Int64(Date().timeIntervalSince1970) + 5
    private let key: PrivateKey
    private let request: ProvenRequest

    init() throws {
        domain = try TrustDomain("example.org")
        key = try PrivateKey.generate()
        request = try ProvenRequest(csrDER: SigningRequest.make(key: .generate()))
    }

    private func authority(under upstream: Above, lifetime: Duration = .seconds(3600)) throws -> CertificateAuthority {
        try CertificateAuthority.create(
            for: domain, key: key, under: upstream.chain, by: upstream.key, now: now, lifetime: lifetime)
    }

    private func issue(by authority: CertificateAuthority, lifetime: Duration = .seconds(600)) throws -> X509SVID {
        try authority.sign(request, plan: .node("n1", in: domain, lifetime: lifetime), now: now)
    }

    @Test(arguments: [1, 2, 3])
    func theWayToTheRootGoesWithALeaf(_ levels: Int) throws {
        let above = try Above(levels: levels)
        let authority = try authority(under: above)
        #expect(authority.root == above.chain.last && authority.bundle.authorities == [authority.root])
        let svid = try issue(by: authority)
        #expect(svid.chain.count == levels + 1 && svid.chain[1] == authority.certificate)
        #expect(svid.anchor == authority.root)
        // Whoever trusts the root and nothing else.
        let verifier = SVIDVerifier(
            bundle: try TrustBundle(trustDomain: domain, authorities: [authority.root], sequence: 1))
        #expect(try verifier.verify(chainDER: svid.chain.map(\.der), at: now).id == svid.id)
        try expectOpenSSLVerifies(svid)
    }

    private func expectOpenSSLVerifies(_ svid: X509SVID) throws {
        try OpenSSLTool.withDirectory { directory in
            let files = ["leaf.pem", "untrusted.pem", "root.pem"].map { directory.appendingPathComponent($0) }
            let parts = [[svid.leaf], Array(svid.chain.dropFirst()), [svid.anchor]]
            for (file, certificates) in zip(files, parts) {
                try certificates.map { try $0.pem }.joined().write(to: file, atomically: true, encoding: .utf8)
            }
            let result = try OpenSSLTool.run(
                ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", files[2].path]
                    + ["-untrusted", files[1].path, files[0].path])
            #expect(result.status == 0, "\(result.output)")
        }
    }

    /// Nothing outlives what vouches for it.
    @Test func itEndsWithThoseAbove() throws {
        let above = try Above(levels: 2, days: 1)
        let authority = try authority(under: above, lifetime: .seconds(30 * 86400))
        #expect(authority.certificate.notAfter == above.chain.map(\.notAfter).min())
        let svid = try issue(by: authority, lifetime: .seconds(30 * 86400))
        #expect(svid.leaf.notAfter == authority.certificate.notAfter)
    }

    @Test func itTakesBackWhatItIssued() throws {
        let authority = try authority(under: Above(levels: 2))
        let svid = try issue(by: authority)
        let list = try authority.revocationList(
            number: 1,
            of: [RevokedCertificate(serial: bytes(svid.leaf.serialHex), revokedAt: now, reason: .unspecified)],
            issuedAt: now)
        let bundle = try TrustBundle(
            trustDomain: domain, authorities: [authority.root], issuers: authority.bundle.issuers, revocations: [list],
            sequence: 2)
        #expect(throws: SVIDRejection.revoked(depth: 0)) {
            try SVIDVerifier(bundle: bundle).verify(chain: svid.chain, at: now)
        }
        #expect(bundle.revokes(svid))
        // An issuer is no root.
        let other = try CertificateAuthority.createRoot(for: domain, now: now)
        let elsewhere = try TrustBundle(
            trustDomain: domain, authorities: [other.root], issuers: [authority.certificate], sequence: 1)
        #expect(throws: SVIDRejection.unknownAuthority) {
            try SVIDVerifier(bundle: elsewhere).verify(chain: svid.chain, at: now)
        }
    }

    private func bytes(_ hexadecimal: String) -> [UInt8] {
        stride(from: 0, to: hexadecimal.count, by: 2).compactMap {
            UInt8(hexadecimal.dropFirst($0).prefix(2), radix: 16)
        }
    }

    @Test(arguments: [
        (["basicConstraints=critical,CA:TRUE,pathlen:0", "keyUsage=critical,keyCertSign"], "path length"),
        (["basicConstraints=critical,CA:TRUE", "keyUsage=critical,cRLSign"], "certificate"),
        (["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature"], "certificate"),
        (
            ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign", "subjectKeyIdentifier=none"],
            "identifier"
        ),
        (
            [
                "basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign",
                "subjectAltName=URI:spiffe://elsewhere.org",
            ], "elsewhere.org"
        ),
    ])
    func thoseThatCannotBeAbove(_ extensions: [String], _ reason: String) throws {
        #expect {
            try authority(under: Above(levels: 1, extensions: extensions))
        } throws: { error in "\(error)".contains(reason) }
    }

    @Test func foreignKeysAndLongWays() throws {
        let above = try Above(levels: 2)
        #expect(throws: IssuanceError.badUpstream("the key is not that of the first certificate")) {
            try CertificateAuthority.create(
                for: domain, key: key, under: above.chain, by: .generate() as PrivateKey, now: now)
        }
        #expect {
            try authority(under: Above(levels: 4))
        } throws: { error in
            guard case .badUpstream(let reason) = error as? IssuanceError else { return false }
            return reason.contains("chain too long") || reason.contains("unable to get")
        }
        let unrelated = try [above.chain[0], Above(levels: 1).chain[0]]
        #expect(throws: IssuanceError.self) {
            try CertificateAuthority.create(for: domain, key: key, under: unrelated, by: above.key, now: now)
        }
    }
}

/// Authorities, the lowest first, and the key of the lowest.
private struct Above {
    let chain: [Certificate]
    let key: PrivateKey

    private static let extensions = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"]

    init(levels: Int, days: Int = 30, extensions: [String] = extensions) throws {
        (chain, key) = try OpenSSLTool.withDirectory { directory in
            var chain: [Certificate] = []
            var issuer: [String] = []
            var keyFile = ""
            for level in 0..<levels {
                let file = directory.appendingPathComponent("\(level).pem").path
                keyFile = directory.appendingPathComponent("\(level).key").path
                let result = try OpenSSLTool.run(
                    ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
                        + ["-subj", "/CN=upstream \(level)", "-days", "\(days)", "-out", file, "-keyout", keyFile]
                        + extensions.flatMap { ["-addext", $0] } + issuer)
                guard result.status == 0 else { throw OpenSSLTool.Failure(output: result.output) }
                chain.insert(try Certificate.parsePEMChain(String(contentsOfFile: file, encoding: .utf8))[0], at: 0)
                issuer = ["-CA", file, "-CAkey", keyFile]
            }
            let pem = try Data(contentsOf: URL(fileURLWithPath: keyFile))
            return (chain, try PrivateKey(pem: SecretBytes(Array(pem))))
        }
    }
}
