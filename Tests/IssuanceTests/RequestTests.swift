import Foundation
import Identity
import Issuance
import OpenSSLBinding
import Testing

struct RequestTests {
    /// CVE-2021-27098: what a request asks for has no effect.
    @Test func namesAndExtensionsAskedForAreIgnored() throws {
        let der = try OpenSSLTool.request([
            "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=root/O=evil",
            "-addext", "subjectAltName=URI:spiffe://td/podshield/authority/a,DNS:bank.example",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign",
        ])
        let now = Int64(Date().timeIntervalSince1970)
        let domain = try TrustDomain("td")
        let authority = try CertificateAuthority.createRoot(for: domain, now: now)
        let plan = try IssuancePlan.workload(id: SPIFFEID("spiffe://td/ns/a/sa/b"), binding: nil)
        let svid = try authority.sign(ProvenRequest(csrDER: der), plan: plan, now: now)
        #expect(svid.id == plan.id)
        #expect(svid.leaf.subject.isEmpty)
        let text = svid.leaf.der
        for word in ["evil", "bank.example", "authority"] {
            #expect(text.firstRange(of: Array(word.utf8)) == nil, "\(word)")
        }
    }

    @Test(arguments: [
        ["-newkey", "rsa:1024"], ["-newkey", "rsa:1536"], ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp224r1"],
        ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
        ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"], ["-newkey", "ed448"],
        ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"],
        ["-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"],
    ])
    func weakAndOddKeysAreRefused(_ arguments: [String]) throws {
        let der = try OpenSSLTool.request(arguments + ["-subj", "/CN=a"])
        let error = #expect(throws: IssuanceError.self) { try ProvenRequest(csrDER: der) }
        guard case .unacceptableKey = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func anotherKeysRequestIsRefused() throws {
        let mine = try SigningRequest.make(key: PrivateKey.generate())
        let other = try PrivateKey.generate().publicKey.subjectPublicKeyInfo
        let own = try CertificateRequest(der: mine).publicKey.subjectPublicKeyInfo
        let range = try #require(mine.firstRange(of: own))
        var swapped = mine
        swapped.replaceSubrange(range, with: other)
        #expect(throws: IssuanceError.requestNotSelfSigned) { try ProvenRequest(csrDER: swapped) }
    }

    /// OpenSSL passes over the parameters of an RSA key's algorithm, which are NULL (RFC 3279 section 2.3.1).
    @Test func whatIsNoPartOfTheKeyIsRefused() throws {
        let key = try PrivateKey.generate(.rsa2048)
        let request = try SigningRequest.make(key: key)
        _ = try ProvenRequest(csrDER: request)
        let rsaEncryption: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]
        let parameters = try #require(request.firstRange(of: rsaEncryption + [5, 0])).upperBound - 2
        var odd = request
        odd[parameters] = 4
        let information = odd[4..<odd.count - 276]
        odd.replaceSubrange((odd.count - 256)..., with: try OpenSSLTool.signature(over: Array(information), by: key))
        #expect(throws: IssuanceError.unacceptableKey("more than a key is in it")) { try ProvenRequest(csrDER: odd) }
    }

    @Test func everyChangedByteIsNoticed() throws {
        let der = try SigningRequest.make(key: PrivateKey.generate())
        for index in der.indices {
            var changed = der
            changed[index] ^= 0x01
            #expect(throws: IssuanceError.self, "byte \(index)") { try ProvenRequest(csrDER: changed) }
        }
    }

    @Test func lengthIsExact() throws {
        let der = try SigningRequest.make(key: PrivateKey.generate())
        #expect(throws: IssuanceError.self) { try ProvenRequest(csrDER: der + [0]) }
        #expect(throws: IssuanceError.self) { try ProvenRequest(csrDER: Array(der.dropLast())) }
        #expect(throws: IssuanceError.self) { try ProvenRequest(csrDER: []) }
        #expect(throws: IssuanceError.requestTooLarge(bytes: 16385)) {
            try ProvenRequest(csrDER: [UInt8](repeating: 0x30, count: 16385))
        }
    }

    @Test func openSSLAcceptsOurRequest() throws {
        let der = try SigningRequest.make(key: PrivateKey.generate())
        try OpenSSLTool.withDirectory { directory in
            let file = directory.appendingPathComponent("request.der")
            try Data(der).write(to: file)
            let result = try OpenSSLTool.run([
                "req", "-inform", "DER", "-in", file.path, "-verify", "-noout", "-subject",
            ])
            #expect(result.status == 0 && result.output.contains("verify OK"), "\(result.output)")
        }
    }
}
