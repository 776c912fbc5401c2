import Identity
import Issuance
import JOSE
import OpenSSLBinding
import Testing

@testable import Vault

/// What may be read of an answer, whoever has made it.
@Suite struct VaultCertificatesTests {
    private let first: Certificate
    private let second: Certificate

    init() throws {
        let domain = try TrustDomain("example.org")
        first = try CertificateAuthority.createRoot(for: domain, now: 1_800_000_000).certificate
        second = try CertificateAuthority.createRoot(for: domain, now: 1_800_000_000).certificate
    }

    private func read(_ facts: JSONObject) throws -> [Certificate] {
        try VaultCertificates(answer: JSONObject(["data": .object(facts)])).all
    }

    private func pem(_ certificates: Certificate...) throws -> JSONValue {
        .string(try certificates.map { try $0.pem }.joined())
    }

    @Test func eachOnceAndTheOneThatWasAskedForFirst() throws {
        let all = try read(
            JSONObject([
                "certificate": try pem(first), "issuing_ca": try pem(second),
                "ca_chain": .array([try pem(second), try pem(first), try pem(second)]),
            ]))
        #expect(all == [first, second])
        #expect(try read(JSONObject(["certificate": try pem(first), "ca_chain": .null])) == [first])
        #expect(try read(JSONObject(["certificate": try pem(first)])) == [first])
    }

    private func expectRefused(_ facts: JSONObject, _ words: String) {
        #expect {
            try read(facts)
        } throws: { error in
            guard case .badAnswer(let reason) = error as? VaultError else { return false }
            return reason.contains(words)
        }
    }

    @Test func whatIsNoCertificateOrTooMuch() throws {
        let whole = try pem(first)
        expectRefused(JSONObject(), "it has no certificate")
        expectRefused(JSONObject(["certificate": .integer(7)]), "no text")
        expectRefused(JSONObject(["certificate": ""]), "there are 0")
        expectRefused(JSONObject(["certificate": try pem(first, second)]), "there are 2")
        expectRefused(JSONObject(["certificate": .string(String(repeating: " ", count: 40000))]), "too long")
        expectRefused(JSONObject(["certificate": whole, "ca_chain": whole]), "its chain is no list")
        expectRefused(JSONObject(["certificate": whole, "ca_chain": .array([.bool(true)])]), "no text")
        expectRefused(JSONObject(["certificate": whole, "issuing_ca": ""]), "there are 0")
        expectRefused(
            JSONObject(["certificate": whole, "ca_chain": .array(Array(repeating: whole, count: 9))]),
            "more certificates")
        guard let text = whole.text else { return }
        for broken in [
            text.replacing("CERTIFICATE", with: "PRIVATE KEY"), String(text.dropLast(60)),
            text.replacing("\nMII", with: "\nMIJ"),
        ] {
            #expect(throws: VaultError.self) { try read(JSONObject(["certificate": .string(broken)])) }
        }
    }

    @Test func anAnswerWithoutData() {
        for answer in [JSONObject(), JSONObject(["data": .null]), JSONObject(["data": "x"])] {
            #expect(throws: VaultError.badAnswer("it has no certificate")) { try VaultCertificates(answer: answer) }
        }
    }
}
