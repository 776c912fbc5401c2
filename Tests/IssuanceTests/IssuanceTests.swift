import Foundation
import Identity
import OpenSSLBinding
import Testing

@testable import Issuance

struct IssuanceTests {
    private let domain: TrustDomain
    private let now = Int64(Date().timeIntervalSince1970)
    private let authority: CertificateAuthority
    private let key: PrivateKey
    private let request: ProvenRequest

    init() throws {
        domain = try TrustDomain("example.org")
        authority = try CertificateAuthority.createRoot(for: domain, now: now)
        key = try PrivateKey.generate()
        request = try ProvenRequest(csrDER: SigningRequest.make(key: key))
    }

    private func plan(dnsNames: [String] = [], lifetime: Duration = .seconds(3600)) throws -> IssuancePlan {
        let node = try SPIFFEID("spiffe://example.org/podshield/node/a")
        return try .workload(
            id: SPIFFEID("spiffe://example.org/ns/shop/sa/web"),
            binding: PodshieldBinding(node: node, identity: NumericIdentity(rawValue: 777)), lifetime: lifetime,
            dnsNames: dnsNames)
    }

    @Test func workloadGetsWhatThePlanSays() throws {
        let plan = try plan(dnsNames: ["web.shop.svc"])
        let svid = try authority.sign(request, plan: plan, now: now)
        #expect(svid.id == plan.id)
        #expect(svid.binding == plan.binding)
        #expect(svid.leaf.publicKey == key.publicKey)
        #expect(svid.leaf.notBefore == now - 10)
        #expect(svid.leaf.notAfter == now + 3600)
        #expect(svid.leaf.subject.isEmpty)
        #expect(svid.anchor == authority.certificate)
        #expect(throws: Never.self) { try KeyedSVID(svid: svid, key: key) }
    }

    @Test func infrastructureNamesHaveTheirOwnPlans() throws {
        let node = try authority.sign(request, plan: .node("n1", in: domain), now: now)
        #expect(node.id.kind == .node(name: "n1"))
        #expect(node.binding == nil)
        let server = try authority.sign(request, plan: .authority("main", in: domain), now: now)
        #expect(server.id.kind == .authority(name: "main"))
    }

    @Test(arguments: KeyAlgorithm.allCases)
    func everyKindOfKey(_ algorithm: KeyAlgorithm) throws {
        let key = try PrivateKey.generate(algorithm)
        let request = try ProvenRequest(csrDER: SigningRequest.make(key: key))
        let svid = try authority.sign(request, plan: plan(), now: now)
        try expectOpenSSLVerifies(svid, authority.certificate)
    }

    @Test(arguments: KeyAlgorithm.allCases)
    func everyKindOfAuthority(_ algorithm: KeyAlgorithm) throws {
        let authority = try CertificateAuthority.createRoot(for: domain, now: now, algorithm: algorithm)
        try expectOpenSSLVerifies(authority.sign(request, plan: plan(), now: now), authority.certificate)
    }

    private func expectOpenSSLVerifies(_ svid: X509SVID, _ root: Certificate) throws {
        try OpenSSLTool.withDirectory { directory in
            let bundle = directory.appendingPathComponent("bundle.pem")
            let leaf = directory.appendingPathComponent("svid.pem")
            try root.pem.write(to: bundle, atomically: true, encoding: .utf8)
            try svid.leaf.pem.write(to: leaf, atomically: true, encoding: .utf8)
            for purpose in ["sslserver", "sslclient"] {
                let result = try OpenSSLTool.run([
                    "verify", "-x509_strict", "-check_ss_sig", "-no-CApath", "-no-CAstore", "-purpose", purpose,
                    "-auth_level", "2", "-CAfile", bundle.path, leaf.path,
                ])
                #expect(result.status == 0, "\(result.output)")
            }
        }
    }

    /// The certificate as another implementation prints it.
    @Test func openSSLReadsTheSameFacts() throws {
        let svid = try authority.sign(request, plan: plan(dnsNames: ["web.shop.svc"]), now: now)
        let text = try OpenSSLTool.withDirectory { directory in
            let leaf = directory.appendingPathComponent("svid.pem")
            try svid.leaf.pem.write(to: leaf, atomically: true, encoding: .utf8)
            return try OpenSSLTool.run(["x509", "-noout", "-text", "-in", leaf.path]).output
        }
        for line in [
            "Version: 3 (0x2)", "X509v3 Subject Alternative Name: critical",
            "URI:spiffe://example.org/ns/shop/sa/web, DNS:web.shop.svc", "X509v3 Basic Constraints: critical",
            "CA:FALSE", "X509v3 Key Usage: critical", "Digital Signature, Key Agreement",
            "TLS Web Server Authentication, TLS Web Client Authentication", "\(PodshieldBinding.oid):",
        ] {
            #expect(text.contains(line), "\(line) is missing in\n\(text)")
        }
    }

    /// ID-7; of an authority.
    @Test func rootSaysWhatARootShould() throws {
        let text = try OpenSSLTool.withDirectory { directory in
            let root = directory.appendingPathComponent("root.pem")
            try authority.certificate.pem.write(to: root, atomically: true, encoding: .utf8)
            return try OpenSSLTool.run(["x509", "-noout", "-text", "-in", root.path]).output
        }
        for line in [
            "Subject: CN = podshield example.org", "URI:spiffe://example.org\n", "CA:TRUE, pathlen:0",
            "Certificate Sign, CRL Sign",
        ] {
            #expect(text.contains(line), "\(line) is missing in\n\(text)")
        }
        #expect(authority.certificate.notAfter == now + 365 * 86400)
    }

    @Test func longDomainStillHasARoot() throws {
        let long = try TrustDomain(String(repeating: "a", count: 255))
        let authority = try CertificateAuthority.createRoot(for: long, now: now)
        #expect(throws: Never.self) { try authority.sign(request, plan: .node("n", in: long), now: now) }
    }

    @Test func serialsAreRandomAndLong() throws {
        let plan = try plan()
        let serials = try Set((0..<50).map { _ in try authority.sign(request, plan: plan, now: now).leaf.serialHex })
        #expect(serials.count == 50)
        #expect(serials.contains { $0.count == 32 })
        #expect(serials.allSatisfy { !$0.hasPrefix("-") })
    }

    @Test func leafNeverOutlivesItsIssuer() throws {
        let short = try CertificateAuthority.createRoot(for: domain, now: now, lifetime: .seconds(100))
        let svid = try short.sign(request, plan: plan(), now: now)
        #expect(svid.leaf.notAfter == short.certificate.notAfter)
        #expect(throws: IssuanceError.authorityNotValid(now: now + 101)) {
            try short.sign(request, plan: plan(), now: now + 101)
        }
    }

    @Test func otherDomainsAreNotIssuedFor() throws {
        let id = try SPIFFEID("spiffe://other/a")
        #expect(throws: IssuanceError.foreignTrustDomain(id)) {
            try authority.sign(request, plan: .workload(id: id, binding: nil), now: now)
        }
    }

    @Test func authorityIsLoadedOnlyWithItsKeyAndDomain() throws {
        let loaded = try CertificateAuthority(
            trustDomain: domain, certificate: authority.certificate,
            key: PrivateKey(pem: #require(authority.key as? PrivateKey).pkcs8PEM()))
        #expect(loaded.bundle == authority.bundle)
        #expect(throws: IssuanceError.authorityKeyMismatch) {
            try CertificateAuthority(trustDomain: domain, certificate: authority.certificate, key: key)
        }
        #expect(throws: IssuanceError.notAnAuthority(.foreignTrustDomain(domain))) {
            try CertificateAuthority(
                trustDomain: TrustDomain("other"), certificate: authority.certificate, key: authority.key)
        }
        let leaf = try authority.sign(request, plan: plan(), now: now).leaf
        #expect(throws: IssuanceError.notAnAuthority(.notAnAuthority(depth: 0))) {
            try CertificateAuthority(trustDomain: domain, certificate: leaf, key: key)
        }
    }

    // MARK: The re-check

    @Test(arguments: [
        "other ID", "second URI", "cA", "keyCertSign", "no key usage", "longer", "other key", "extra extension",
        "other number", "no binding", "extra DNS name", "address name", "subject", "foreign domain",
    ])
    func tamperedTemplateDoesNotLeave(_ tampering: String) throws {
        let plan = try plan()
        var template = CertificateTemplate(
            plan, for: key.publicKey, authority: authority.certificate, serial: [1], now: now)
        #expect(throws: Never.self) {
            try authority.recheck(authority.sign(template), against: plan, key: key.publicKey, now: now)
        }
        try Self.tamper(&template.contents, tampering)
        let finished = try authority.sign(template)
        #expect(throws: IssuanceError.self) {
            try authority.recheck(finished, against: plan, key: key.publicKey, now: now)
        }
    }

    private static func tamper(_ contents: inout CertificateContents, _ how: String) throws {
        func replace(_ oid: String, _ value: [UInt8]?) {
            let critical = contents.extensions.first { $0.oid == oid }?.isCritical ?? false
            contents.extensions.removeAll { $0.oid == oid }
            if let value { contents.extensions.append(.init(oid: oid, isCritical: critical, value: value)) }
        }
        func names(_ more: [UInt8]...) -> [UInt8] {
            DER.sequence(of: [DER.element(.context6, Array("spiffe://example.org/ns/shop/sa/web".utf8))] + more)
        }
        let names6 = { (text: String) in DER.sequence(DER.element(.context6, Array(text.utf8))) }
        switch how {
        case "other ID": replace(ExtensionID.subjectAlternativeName, names6("spiffe://example.org/ns/shop/sa/db"))
        case "foreign domain": replace(ExtensionID.subjectAlternativeName, names6("spiffe://other/ns/shop/sa/web"))
        case "second URI":
            replace(
                ExtensionID.subjectAlternativeName, names(DER.element(.context6, Array("spiffe://example.org/b".utf8))))
        case "extra DNS name":
            replace(ExtensionID.subjectAlternativeName, names(DER.element(.context2, Array("bank.example".utf8))))
        case "address name": replace(ExtensionID.subjectAlternativeName, names([0x87, 4, 10, 0, 0, 1]))
        case "cA": replace(ExtensionID.basicConstraints, DER.sequence(DER.true))
        case "keyCertSign": replace(ExtensionID.keyUsage, KeyUsage([.digitalSignature, .keyCertSign]).derEncoded)
        case "no key usage": replace(ExtensionID.keyUsage, nil)
        case "longer": contents.notAfter += 1
        case "other key": contents.publicKey = try PrivateKey.generate().publicKey
        case "extra extension": replace("1.2.3.4", DER.sequence())
        case "other number":
            let node = try SPIFFEID("spiffe://example.org/podshield/node/a")
            replace(
                PodshieldBinding.oid, try PodshieldBinding(node: node, identity: .init(rawValue: 778)).derEncoded)
        case "no binding": replace(PodshieldBinding.oid, nil)
        case "subject": contents.subjectCommonName = "web"
        default: Issue.record("unknown tampering \(how)")
        }
    }
}

struct IssuancePlanTests {
    @Test(arguments: [
        "spiffe://td/podshield/node/a", "spiffe://td/podshield/authority/a", "spiffe://td/podshield",
        "spiffe://td/podshield/x/y/z", "spiffe://td",
    ])
    func workloadsHaveNoReservedName(_ text: String) throws {
        let id = try SPIFFEID(text)
        #expect(throws: IssuanceError.reservedID(id)) { try IssuancePlan.workload(id: id, binding: nil) }
    }

    @Test(arguments: ["", "a/b", "..", "a b", "a\0"])
    func nodeNamesAreOneSegment(_ name: String) throws {
        let domain = try TrustDomain("td")
        #expect(throws: IssuanceError.self) { try IssuancePlan.node(name, in: domain) }
        #expect(throws: IssuanceError.self) { try IssuancePlan.authority(name, in: domain) }
    }

    @Test(arguments: [
        "", "*", "*.shop", "a..b", "-a", "a-", "a_b", "a b", ".a", "a.", "ä", String(repeating: "a", count: 64),
    ])
    func oddDNSNamesAreRefused(_ name: String) throws {
        #expect(throws: IssuanceError.badDNSName(name)) {
            try IssuancePlan.workload(id: SPIFFEID("spiffe://td/a"), binding: nil, dnsNames: ["ok.example", name])
        }
    }

    @Test func dnsNamesHaveALimit() throws {
        let id = try SPIFFEID("spiffe://td/a")
        let names = (0..<33).map { "a\($0).example" }
        #expect(throws: IssuanceError.tooManyDNSNames(33)) {
            try IssuancePlan.workload(id: id, binding: nil, dnsNames: names)
        }
        #expect(try IssuancePlan.workload(id: id, binding: nil, dnsNames: Array(names.dropLast())).dnsNames.count == 32)
    }

    @Test(arguments: [Duration.zero, .seconds(-1), .milliseconds(999), .seconds(Int64.max)])
    func impossibleLifetimesAreRefused(_ lifetime: Duration) throws {
        #expect(throws: IssuanceError.self) {
            try IssuancePlan.workload(id: SPIFFEID("spiffe://td/a"), binding: nil, lifetime: lifetime)
        }
    }

    @Test func bindingNamesANodeOfTheDomain() throws {
        let node = try SPIFFEID("spiffe://other/podshield/node/a")
        let binding = try PodshieldBinding(node: node, identity: .firstWorkload)
        #expect(throws: IssuanceError.foreignTrustDomain(node)) {
            try IssuancePlan.workload(id: SPIFFEID("spiffe://td/a"), binding: binding)
        }
    }
}
