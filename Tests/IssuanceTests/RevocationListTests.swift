import Foundation
import Identity
import OpenSSLBinding
import Testing

@testable import Issuance

struct RevocationListTests {
    private let domain: TrustDomain
    private let now = Int64(Date().timeIntervalSince1970)
    private let authority: CertificateAuthority

    init() throws {
        domain = try TrustDomain("example.org")
        authority = try CertificateAuthority.createRoot(for: domain, now: now)
    }

    private func svid(by authority: CertificateAuthority) throws -> X509SVID {
        let request = try ProvenRequest(csrDER: SigningRequest.make(key: PrivateKey.generate()))
        return try authority.sign(request, plan: .node("a", in: domain), now: now)
    }

    private func entry(_ svid: X509SVID, _ reason: RevocationReason = .keyCompromise) throws -> RevokedCertificate {
        let hex = svid.leaf.serialHex
        let bytes = stride(from: 0, to: hex.count, by: 2).compactMap { offset -> UInt8? in
            let start = hex.index(hex.startIndex, offsetBy: offset)
            return UInt8(hex[start..<hex.index(start, offsetBy: 2)], radix: 16)
        }
        return RevokedCertificate(serial: bytes, revokedAt: now, reason: reason)
    }

    private func verifier(_ authority: CertificateAuthority, _ lists: [RevocationList]) throws -> SVIDVerifier {
        SVIDVerifier(
            bundle: try TrustBundle(
                trustDomain: domain, authorities: [authority.certificate], revocations: lists, sequence: 2))
    }

    @Test(arguments: KeyAlgorithm.allCases)
    func opensslReadsItAndRefusesWhatItTakesBack(_ algorithm: KeyAlgorithm) throws {
        let authority = try CertificateAuthority.createRoot(for: domain, now: now, algorithm: algorithm)
        let (good, bad) = (try svid(by: authority), try svid(by: authority))
        let list = try authority.revocationList(number: 7, of: [entry(bad)], issuedAt: now)
        try OpenSSLTool.withDirectory { directory in
            func write(_ name: String, _ label: String, _ der: [UInt8]) throws -> String {
                let path = directory.appendingPathComponent(name).path
                let body = Data(der).base64EncodedString(options: [.lineLength64Characters, .endLineWithLineFeed])
                let text = "-----BEGIN \(label)-----\n\(body)\n-----END \(label)-----\n"
                try Data(text.utf8).write(to: URL(fileURLWithPath: path))
                return path
            }
            let root = try write("root.pem", "CERTIFICATE", authority.certificate.der)
            let crl = try write("crl.pem", "X509 CRL", list.der)
            func verify(_ svid: X509SVID) throws -> OpenSSLTool.Result {
                try OpenSSLTool.run(
                    ["verify", "-x509_strict", "-crl_check", "-CRLfile", crl, "-CAfile", root]
                        + [write("leaf.pem", "CERTIFICATE", svid.leaf.der)])
            }
            let (passed, refused) = (try verify(good), try verify(bad))
            #expect(passed.status == 0, "\(passed.output)")
            #expect(refused.status != 0 && refused.output.contains("certificate revoked"), "\(refused.output)")
            let text = try OpenSSLTool.run(["crl", "-in", crl, "-noout", "-text"]).output
            #expect(text.contains("Key Compromise") && text.contains("X509v3 CRL Number"))
        }
    }

    @Test func aVerifierRefusesWhatTheListTakesBack() throws {
        let (good, bad) = (try svid(by: authority), try svid(by: authority))
        let list = try authority.revocationList(number: 1, of: [entry(bad)], issuedAt: now)
        let verifier = try verifier(authority, [list])
        #expect(try verifier.verify(chain: good.chain, at: now) == good)
        #expect(throws: SVIDRejection.revoked(depth: 0)) { try verifier.verify(chain: bad.chain, at: now) }
        #expect(verifier.bundle.revokes(bad) && !verifier.bundle.revokes(good))
        #expect(list.serials == [bad.leaf.serialHex] && list.number == 1)
        #expect(list.thisUpdate == now - 300 && list.nextUpdate == now + 86400)
    }

    @Test func theNewestListCountsAndThoseOfOthersDoNot() throws {
        let bad = try svid(by: authority)
        let old = try authority.revocationList(number: 1, of: [entry(bad)], issuedAt: now)
        let new = try authority.revocationList(number: 2, of: [], issuedAt: now)
        let stranger = try CertificateAuthority.createRoot(for: domain, now: now)
        let foreign = try stranger.revocationList(number: 9, of: [entry(bad)], issuedAt: now)
        let bundle = try verifier(authority, [old, foreign, new]).bundle
        #expect(bundle.revocations == [new] && !bundle.revokes(bad))
        #expect(throws: RevocationListRejection.otherAuthority) {
            try RevocationList(der: foreign.der, of: svid(by: stranger).leaf)
        }
        // Roots of one trust domain have one name: only the key tells them apart.
        #expect(throws: RevocationListRejection.badSignature) {
            try RevocationList(der: foreign.der, of: authority.certificate)
        }
    }

    @Test func everyByteCounts() throws {
        let der = try authority.revocationList(number: 1, of: [entry(svid(by: authority))], issuedAt: now).der
        for index in der.indices {
            var damaged = der
            damaged[index] ^= 1
            #expect(throws: RevocationListRejection.self, "byte \(index)") {
                try RevocationList(der: damaged, of: authority.certificate)
            }
        }
        #expect(throws: RevocationListRejection.malformed) {
            try RevocationList(der: der + [0], of: authority.certificate)
        }
        #expect(throws: RevocationListRejection.tooLarge(bytes: RevocationList.mostBytes + 1)) {
            try RevocationList(
                der: [UInt8](repeating: 0, count: RevocationList.mostBytes + 1), of: authority.certificate)
        }
    }

    /// The last second of UTCTime, the first of GeneralizedTime, leap days.
    @Test(
        arguments: [
            (-1, "691231235959Z"), (951_782_400, "000229000000Z"), (2_524_607_999, "491231235959Z"),
            (2_524_608_000, "20500101000000Z"), (4_107_542_399, "21000228235959Z"), (4_107_542_400, "21000301000000Z"),
        ] as [(Int64, String)])
    func timesAreWrittenAsTheStandardSays(_ time: Int64, _ text: String) throws {
        let der = DERTime.encode(time)
        #expect(Array(der.dropFirst(2)) == Array(text.utf8))
        var reader = DERReader(der)
        #expect(try DERTime.read(&reader) == time)
    }
}
