import Foundation
import Identity
import OpenSSLBinding
import Testing

@testable import Issuance

/// CAs that ours signs for another authority.
struct DownstreamTests {
    private let domain: TrustDomain
    private let now = Int64(Date().timeIntervalSince1970)
    private let authority: CertificateAuthority

    init() throws {
        domain = try TrustDomain("td")
        authority = try CertificateAuthority.createRoot(
            for: domain, key: PrivateKey.generate(), now: now, pathLength: 1)
    }

    private func request(_ names: String...) throws -> [UInt8] {
        try OpenSSLTool.request(
            ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/C=US/O=SPIFFE"]
                + names.flatMap { ["-addext", $0] })
    }

    @Test func whatItSignsIsBelowItAndForLeavesAlone() throws {
        let der = try request("subjectAltName=URI:spiffe://td", "keyUsage=critical,digitalSignature")
        let chain = try authority.signDownstream(
            DownstreamRequest(csrDER: der, for: domain), lifetime: .seconds(3600), now: now)
        let key = try CertificateRequest(der: der).publicKey
        #expect(chain.count == 1 && chain[0].publicKey == key)
        #expect(chain[0].notAfter == now + 3600 && chain[0].subject != chain[0].issuer)
        let profile = try CertificateProfile(chain[0])
        #expect(profile.isAuthority && profile.pathLength == 0 && profile.keyUsage == [.keyCertSign, .cRLSign])
        #expect(profile.uris == [Array("spiffe://td".utf8)] && profile.dnsNames.isEmpty)
        // Never longer than what is above it.
        let longer = try authority.signDownstream(
            DownstreamRequest(csrDER: der, for: domain), lifetime: .seconds(400 * 86400), now: now)
        #expect(longer[0].notAfter == authority.certificate.notAfter)
    }

    @Test(arguments: [
        [], ["subjectAltName=URI:spiffe://other"], ["subjectAltName=URI:spiffe://td/"],
        ["subjectAltName=URI:spiffe://td/ns/a"], ["subjectAltName=URI:spiffe://td,DNS:a.example"],
        ["subjectAltName=URI:spiffe://td,URI:spiffe://td"], ["subjectAltName=DNS:td"],
        ["subjectAltName=email:copy,URI:spiffe://td"],
    ])
    func whoNamesAnythingElseGetsNone(_ names: [String]) throws {
        let der = try OpenSSLTool.request(
            [
                "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=a/emailAddress=a@a.example",
            ] + names.flatMap { ["-addext", $0] })
        #expect(throws: IssuanceError.requestForOther(domain)) { try DownstreamRequest(csrDER: der, for: domain) }
    }

    private static func attribute(_ extensions: [UInt8]) -> [UInt8] {
        DER.sequence(
            DER.element(.objectIdentifier, [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 14]),
            DER.element(.set, extensions))
    }

    private static func request(attributes: [UInt8]) throws -> [UInt8] {
        let key = try PrivateKey.generate()
        let body = DER.sequence(
            DER.integer(0), DER.sequence(), key.publicKey.subjectPublicKeyInfo,
            DER.element(.context0Constructed, attributes))
        let algorithm = try #require(SignatureAlgorithm.identifier(of: key.publicKey.kind))
        let signature = try key.sign(body, by: #require(key.publicKey.kind.certificateScheme))
        return DER.sequence(body, algorithm, DER.element(.bitString, [0] + signature))
    }

    /// Two attributes with extensions: which of them counts is for nobody to say.
    @Test func whatStandsTwiceIsRefused() throws {
        let names = DER.sequence(
            DER.element(.objectIdentifier, [0x55, 0x1d, 17]),
            DER.element(.octetString, Extensions.alternativeNames(uri: "spiffe://td", dns: [])))
        let once = Self.attribute(DER.sequence(names))
        _ = try DownstreamRequest(csrDER: Self.request(attributes: once), for: domain)
        for doubled in [
            once + once, Self.attribute(DER.sequence(names, names)),
            Self.attribute(DER.sequence(names) + DER.sequence(names)),
        ] {
            let der = try Self.request(attributes: doubled)
            #expect(throws: IssuanceError.unreadableRequest("its names are not as RFC 2986 has them")) {
                try DownstreamRequest(csrDER: der, for: domain)
            }
        }
    }

    @Test func proofAndKeyAreLookedAtFirst() throws {
        let der = try request("subjectAltName=URI:spiffe://td")
        var forged = der
        forged[forged.count - 1] ^= 1
        #expect(throws: IssuanceError.self) { try DownstreamRequest(csrDER: forged, for: domain) }
        let weak = try OpenSSLTool.request([
            "-newkey", "rsa:1024", "-subj", "/CN=a", "-addext", "subjectAltName=URI:spiffe://td",
        ])
        #expect(throws: IssuanceError.self) { try DownstreamRequest(csrDER: weak, for: domain) }
    }

    @Test func withoutRoomThereIsNone() throws {
        let request = try DownstreamRequest(csrDER: request("subjectAltName=URI:spiffe://td"), for: domain)
        let leavesOnly = try CertificateAuthority.createRoot(for: domain, now: now)
        #expect(leavesOnly.pathLength == 0 && authority.pathLength == 1)
        #expect(throws: IssuanceError.noRoomBelow) {
            try leavesOnly.signDownstream(request, lifetime: .seconds(60), now: now)
        }
        // A path length further up counts as well.
        let key = try PrivateKey.generate()
        let tight = try CertificateAuthority.createRoot(for: domain, key: key, now: now, pathLength: 1)
        let middle = try CertificateAuthority.create(
            for: domain, key: PrivateKey.generate(), under: tight.chain, by: key, now: now, pathLength: 1)
        #expect(throws: IssuanceError.noRoomBelow) {
            try middle.signDownstream(request, lifetime: .seconds(60), now: now)
        }
        let wide = try CertificateAuthority.createRoot(for: domain, key: key, now: now, pathLength: 2)
        let roomy = try CertificateAuthority.create(
            for: domain, key: PrivateKey.generate(), under: wide.chain, by: key, now: now, pathLength: 1)
        #expect(try roomy.signDownstream(request, lifetime: .seconds(60), now: now).count == 2)
    }

    /// Whoever verifies goes no further than so far from a leaf to its root.
    @Test func pathsHaveAnEnd() throws {
        func below(_ authority: CertificateAuthority, _ pathLength: UInt32) throws -> CertificateAuthority {
            try CertificateAuthority.create(
                for: domain, key: PrivateKey.generate(), under: authority.chain, by: authority.key, now: now,
                pathLength: pathLength)
        }
        let root = try CertificateAuthority.createRoot(
            for: domain, key: PrivateKey.generate(), now: now, pathLength: 4)
        let third = try below(below(root, 3), 2)
        let key = try PrivateKey.generate()
        let chain = try third.signDownstream(
            DownstreamRequest(
                csrDER: AuthorityRequest(domain, key: key, seconds: 3600).der, for: domain),
            lifetime: .seconds(3600), now: now)
        #expect(chain.count == SVIDVerifier.maximumIntermediates)
        let last = try CertificateAuthority(
            trustDomain: domain, certificate: chain[0], issuers: chain.dropFirst() + [root.certificate], key: key)
        let request = try ProvenRequest(csrDER: SigningRequest.make(key: PrivateKey.generate()))
        let plan = try IssuancePlan.workload(id: SPIFFEID(trustDomain: domain, path: "/web"), binding: nil)
        #expect(try last.sign(request, plan: plan, now: now).chain.count == 4)
        let fourth = try below(third, 1)
        #expect(throws: IssuanceError.noRoomBelow) {
            try fourth.signDownstream(
                DownstreamRequest(csrDER: AuthorityRequest(domain, key: key, seconds: 60).der, for: domain),
                lifetime: .seconds(60), now: now)
        }
    }

    @Test func onceItHasEndedItSignsNothing() throws {
        let request = try DownstreamRequest(csrDER: request("subjectAltName=URI:spiffe://td"), for: domain)
        #expect(throws: IssuanceError.authorityNotValid(now: authority.certificate.notAfter)) {
            try authority.signDownstream(request, lifetime: .seconds(60), now: authority.certificate.notAfter)
        }
    }
}
