import Foundation
import Identity
import JOSE
import OpenSSLBinding
import Synchronization
import Testing

@testable import Issuance

/// An authority below one that signs when it is asked, and does not always sign what it was asked for.
@Suite struct AskedUpstreamTests {
    private let domain: TrustDomain
    private let now: Int64 = 1_800_000_000
    private let key: PrivateKey

    init() throws {
        domain = try TrustDomain("example.org")
        key = try PrivateKey.generate()
    }

    private func authority(
        below upstream: AskedUpstream, key: PrivateKey? = nil, lifetime: Duration = .seconds(7200)
    ) throws -> CertificateAuthority {
        try CertificateAuthority.create(
            for: domain, key: key ?? self.key, asking: upstream, now: now, lifetime: lifetime)
    }

    // MARK: What is asked for

    @Test(arguments: [KeyAlgorithm.ecP256, .ecP384, .rsa2048])
    func opensslReadsTheRequest(_ algorithm: KeyAlgorithm) throws {
        let upstream = try AskedUpstream(now: now)
        let key = try PrivateKey.generate(algorithm)
        let authority = try authority(below: upstream, key: key)
        #expect(authority.certificate.publicKey == key.publicKey && authority.issuers == [upstream.root])
        let pem = try #require(upstream.lastRequest).pem
        try OpenSSLTool.withDirectory { directory in
            let file = directory.appendingPathComponent("request.pem")
            try pem.write(to: file, atomically: true, encoding: .utf8)
            let seen = try OpenSSLTool.run(["req", "-in", file.path, "-verify", "-noout", "-text"])
            #expect(seen.status == 0 && seen.output.contains("verify OK"), "\(seen.output)")
            #expect(seen.output.contains("Subject: CN = podshield example.org below another"))
            #expect(seen.output.contains("URI:spiffe://example.org"))
        }
    }

    @Test func whatItIssuesIsVerifiedByTheRoot() throws {
        let authority = try authority(below: AskedUpstream(now: now))
        let request = try ProvenRequest(csrDER: SigningRequest.make(key: .generate()))
        let svid = try authority.sign(request, plan: .node("n1", in: domain, lifetime: .seconds(600)), now: now)
        #expect(svid.anchor == authority.root && svid.chain.count == 2)
        #expect(throws: Never.self) { try authority.revocationList(number: 1, of: [], issuedAt: now) }
    }

    /// The root's end is a minute beyond what is asked for: its clock may be ahead.
    @Test func noMoreIsAskedForThanTheRootLasts() throws {
        let upstream = try AskedUpstream(now: now, rootSeconds: 5000)
        let below = try authority(below: upstream, lifetime: .seconds(86400))
        #expect(upstream.lastRequest?.seconds == 4940)
        #expect(below.certificate.notAfter == now + 4940)
        let short = try AskedUpstream(now: now, rootSeconds: 1800)
        #expect(throws: IssuanceError.badUpstream("it ends too soon to vouch for another")) {
            try authority(below: short)
        }
        #expect(short.lastRequest == nil)
    }

    // MARK: What comes back

    @Test(arguments: [
        ("another key", "not for the key that was shown"), ("no name", "other names"), ("two names", "names"),
        ("a foreign name", "elsewhere.org"), ("a workload's name", "path"), ("a DNS name", "other names"),
        ("no authority", "non-CA"), ("no key usage", "key usage"), ("more key usage", "is for more or less"),
        ("less key usage", "is for more or less"), ("a purpose", "for certain purposes"),
        ("no path length", "how many authorities may be below"), ("a path length", "how many authorities may be below"),
        ("too long a life", "for longer than was asked for"), ("too short a life", "for less than half an hour"),
        ("not yet valid", "not yet valid"), ("another's signature", "do not lead to a root"),
        ("no root", "did not show its root"), ("another root", "do not lead to a root"),
        ("nothing", "not for the key that was shown"), ("itself", "not for the key that was shown"),
        ("a crowd", "more certificates than a chain may have"), ("an unknown critical extension", "do not lead"),
    ])
    func whatIsNotAsItShouldBe(_ fault: String, _ words: String) throws {
        let upstream = try AskedUpstream(now: now, fault: fault)
        #expect {
            try authority(below: upstream)
        } throws: { error in
            switch error as? IssuanceError {
            case .badUpstream, .notAnAuthority: "\(error)".contains(words)
            default: false
            }
        }
    }

    @Test func whatIsBesideTheWayIsPassedOver() throws {
        let authority = try authority(below: AskedUpstream(now: now, fault: "a stranger beside"))
        #expect(authority.chain.count == 2)
    }

    @Test func onesThatDoNotAnswer() throws {
        let upstream = try AskedUpstream(now: now, fault: "away")
        #expect(throws: IssuanceError.upstream(UpstreamError("away"))) { try authority(below: upstream) }
    }
}

/// Signs with a root of its own, with one fault.
final class AskedUpstream: UpstreamAuthority {
    let root: Certificate
    let description = "tested"
    private let rootKey: PrivateKey
    private let now: Int64
    private let fault: String
    private let requests = Mutex<[AuthorityRequest]>([])

    var lastRequest: AuthorityRequest? { requests.withLock { $0.last } }

    init(now: Int64, rootSeconds: Int64 = 30 * 86400, fault: String = "") throws {
        self.now = now
        self.fault = fault
        rootKey = try PrivateKey.generate()
        root = try Self.root("upstream", rootKey, now, rootSeconds)
    }

    private static func root(_ name: String, _ key: PrivateKey, _ now: Int64, _ seconds: Int64) throws -> Certificate {
        try CertificateContents(
            serial: RandomBytes.make(16), subjectCommonName: name, notBefore: now - 60, notAfter: now + seconds,
            publicKey: key.publicKey,
            extensions: [
                part(ExtensionID.basicConstraints, DER.sequence(DER.true), isCritical: true),
                part(ExtensionID.keyUsage, KeyUsage([.keyCertSign, .cRLSign]).derEncoded, isCritical: true),
                Extensions.subjectKey(key.publicKey), Extensions.authorityKey(key.publicKey),
            ]
        ).signed(by: key, issuer: nil)
    }

    private static func part(_ oid: String, _ value: [UInt8], isCritical: Bool = false) -> CertificateExtension {
        CertificateExtension(oid: oid, isCritical: isCritical, value: value)
    }

    func certificates() throws(UpstreamError) -> [Certificate] {
        guard fault != "away" else { throw UpstreamError("away") }
        return [root]
    }

    func sign(_ request: AuthorityRequest) throws(UpstreamError) -> [Certificate] {
        requests.withLock { $0.append(request) }
        do { return try answer(request) } catch { throw UpstreamError("\(error)") }
    }

    private func answer(_ request: AuthorityRequest) throws -> [Certificate] {
        let other = try Self.root("upstream", PrivateKey.generate(), now, 86400)
        let made = try made(request)
        return switch fault {
        case "nothing": []
        case "itself": [root]
        case "no root": [made]
        case "another root": [made, other]
        case "a stranger beside": [made, other, root]
        case "a crowd":
            [made, root]
                + (try (0..<8).map { try Self.root("\($0)", PrivateKey.generate(), now, 86400) })
        default: [made, root]
        }
    }

    private func made(_ request: AuthorityRequest) throws -> Certificate {
        let lines = request.pem.split(separator: "\n").dropFirst().dropLast()
        let der = Base64.standard.decode(Array(lines.joined().utf8)) ?? []
        let key =
            fault == "another key" ? try PrivateKey.generate().publicKey : try CertificateRequest(der: der).publicKey
        let begin = fault == "not yet valid" ? now + 120 : now - 30
        let seconds = ["too long a life": request.seconds + 61, "too short a life": 1799][fault] ?? request.seconds
        let signer = fault == "another's signature" ? try PrivateKey.generate() : rootKey
        return try CertificateContents(
            serial: RandomBytes.make(16), subjectCommonName: "below", notBefore: begin, notAfter: now + seconds,
            publicKey: key, extensions: extensions(key)
        ).signed(by: signer, issuer: root)
    }

    private func extensions(_ key: PublicKey) -> [CertificateExtension] {
        // Another identifier than we would choose.
        let identifier = Self.part(
            ExtensionID.subjectKeyIdentifier, DER.element(.octetString, Array(SHA256Digest.hash([1]).prefix(20))))
        let more = [
            "a purpose": Self.part(
                ExtensionID.extendedKeyUsage,
                DER.sequence(DER.element(.objectIdentifier, ExtensionID.serverAuthentication))),
            "an unknown critical extension": Self.part("1.2.3.4", DER.sequence(), isCritical: true),
        ][fault]
        return [Self.part(ExtensionID.basicConstraints, constraints, isCritical: true), usage, names].compactMap(\.self)
            + [identifier, Extensions.authorityKey(rootKey.publicKey)] + (more.map { [$0] } ?? [])
    }

    private var constraints: [UInt8] {
        switch fault {
        case "no authority": DER.sequence()
        case "no path length": DER.sequence(DER.true)
        case "a path length": DER.sequence(DER.true, DER.integer(1))
        default: DER.sequence(DER.true, DER.integer(0))
        }
    }

    private var usage: CertificateExtension? {
        let usage: KeyUsage? =
            switch fault {
            case "no key usage": nil
            case "more key usage": [.keyCertSign, .cRLSign, .digitalSignature]
            case "less key usage": .keyCertSign
            default: [.keyCertSign, .cRLSign]
            }
        return usage.map { Self.part(ExtensionID.keyUsage, $0.derEncoded, isCritical: true) }
    }

    private var names: CertificateExtension? {
        let own = "spiffe://example.org"
        let value: [UInt8]? =
            switch fault {
            case "no name": nil
            case "two names": Extensions.names([own, own])
            case "a foreign name": Extensions.alternativeNames(uri: "spiffe://elsewhere.org", dns: [])
            case "a workload's name": Extensions.alternativeNames(uri: own + "/web", dns: [])
            case "a DNS name": Extensions.alternativeNames(uri: own, dns: ["example.org"])
            default: Extensions.alternativeNames(uri: own, dns: [])
            }
        return value.map { Self.part(ExtensionID.subjectAlternativeName, $0) }
    }
}

extension Extensions {
    fileprivate static func names(_ uris: [String]) -> [UInt8] {
        DER.sequence(of: uris.map { DER.element(.context6, Array($0.utf8)) })
    }
}
