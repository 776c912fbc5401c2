import Foundation
import KernelTestSupport
import OpenSSLBinding
import TPMTestSupport
import Testing
import TrustedPlatform

@testable import TPMBinding

/// Against swtpm, and beside tpm2-tools.
@Suite(.serialized, .timeLimit(.minutes(1)), .blocking) struct TPMTests {
    /// Has the TPM to itself, which is why others get their turn when it is gone.
    private func open(_ tpm: SoftwareTPM) throws -> OpenedSoftwareTPM {
        OpenedSoftwareTPM(software: tpm, tpm: try TPMDevice(configuration: tpm.configuration).open())
    }

    private struct OpenedSoftwareTPM {
        let software: SoftwareTPM
        let tpm: any AttestingTPM

        var keys: TPMKeys { tpm.keys }

        func activate(credential: [UInt8], secret: [UInt8]) throws(TPMError) -> SecretBytes {
            try tpm.activate(credential: credential, secret: secret)
        }

        func quote(_ registers: PlatformRegisters, nonce: [UInt8]) throws(TPMError) -> SignedQuote {
            try tpm.quote(registers, nonce: nonce)
        }
    }

    @Test func keysAreTheSameEachTimeAndAnotherTPMsAreOthers() throws {
        let tpm = try SoftwareTPM()
        let first = try open(tpm).keys
        #expect(try open(tpm).keys == first)
        #expect(first.endorsementCertificate.isEmpty)
        let key = try PublicKey(subjectPublicKeyInfo: first.endorsementKey)
        #expect(key.kind == .rsa(bits: 2048) && key.isCanonical)
        let other = try open(SoftwareTPM()).keys
        #expect(other.endorsementKey != first.endorsementKey && other.attestationKey != first.attestationKey)
    }

    /// `tpm2_createek` makes it by the profile's template, too.
    @Test func theEndorsementKeyIsTheOneThatOthersFind() throws {
        let (tpm, directory) = (try SoftwareTPM(), try TemporaryDirectory())
        let key = try open(tpm).keys.endorsementKey
        try tpm.tool(
            "createek", "-c", directory.path + "/ek", "-G", "rsa", "-u", directory.path + "/ek.pem", "-f", "pem")
        let pem = try String(contentsOfFile: directory.path + "/ek.pem", encoding: .utf8)
        #expect(try PublicKey(pem: pem).subjectPublicKeyInfo == key)
    }

    @Test func theCertificateIsOfTheEndorsementKey() throws {
        let issuer = try EndorsementIssuer()
        let keys = try open(SoftwareTPM(certificate: ("node-a", issuer))).keys
        let certificate = try Certificate(der: keys.endorsementCertificate)
        #expect(certificate.publicKey.subjectPublicKeyInfo == keys.endorsementKey)
        #expect(certificate.commonName == "node-a")
    }

    /// Its key is there all the same, and may be in a list.
    @Test func aCertificateThatCannotBeReadIsNone() throws {
        let software = try SoftwareTPM()
        #expect(try open(software).tpm.certificateFailure == nil)
        try software.defineUnreadableCertificate()
        let tpm = try open(software).tpm
        #expect(tpm.keys.endorsementCertificate.isEmpty && !tpm.keys.endorsementKey.isEmpty)
        #expect(tpm.certificateFailure?.operation == "TPM2_NV_Read of the endorsement key's certificate")
    }

    /// It may be on one of the few threads that all tasks share.
    @Test func whoLetsGoDoesNotWait() throws {
        let software = try SoftwareTPM()
        var tpm: (any AttestingTPM)? = try TPMDevice(configuration: software.configuration).open()
        let keys = tpm?.keys
        software.halt()
        tpm = nil
        software.goOn()
        // Closed by now, or soon: it takes one at a time.
        #expect(try open(software).keys == keys)
    }

    // MARK: Credentials

    @Test func aCredentialIsFoundByTheTPMThatItIsFor() throws {
        let tpm = try open(SoftwareTPM())
        for count in [1, 16, 32] {
            let bytes = try RandomBytes.make(count)
            let made = try credential(bytes, for: tpm)
            let found = try tpm.activate(credential: made.credential, secret: made.secret)
            #expect(SecretBytes.constantTimeEqual(found, SecretBytes(bytes)))
        }
    }

    @Test func nobodyElseFindsIt() throws {
        let (tpm, other) = (try open(SoftwareTPM()), try open(SoftwareTPM()))
        let bytes = try RandomBytes.make(32)
        let made = try credential(bytes, for: tpm)
        #expect(throws: TPMError.self) { try other.activate(credential: made.credential, secret: made.secret) }
        // The same endorsement key, and a key that is not in that TPM.
        let name = try AttestationKey(publicArea: other.keys.attestationKey).name
        let endorsement = try PublicKey(subjectPublicKeyInfo: tpm.keys.endorsementKey)
        let misnamed = try MadeCredential(
            SecretBytes(bytes), name: name, endorsementKey: endorsement, seed: RandomBytes.makeSecret(32))
        let error = #expect(throws: TPMError.self) {
            try tpm.activate(credential: misnamed.credential, secret: misnamed.secret)
        }
        #expect(error?.reason.contains("integrity check failed") == true, "\(error?.reason ?? "")")
    }

    @Test func damagedCredentialsAreNone() throws {
        let tpm = try open(SoftwareTPM())
        let made = try credential(RandomBytes.make(32), for: tpm)
        for (credential, secret) in [
            (made.credential.dropLast(), made.secret[...]), (made.credential[...], made.secret.dropLast()),
            (made.credential + [0], made.secret[...]), ([], made.secret[...]), (made.credential[...], []),
        ] {
            let error = #expect(throws: TPMError.self) {
                try tpm.activate(credential: Array(credential), secret: Array(secret))
            }
            // The library's word: the TPM has not seen it.
            #expect(error?.reason.hasPrefix("tpm:") == false, "\(error?.reason ?? "")")
        }
        // Well formed, and refused by the TPM: the code, what it is over, and the seed of both.
        for change: (inout MadeCredentialParts) -> Void in [
            { $0.credential[4] ^= 1 }, { $0.credential[$0.credential.count - 1] ^= 1 }, { $0.secret[17] ^= 1 },
        ] {
            var parts = (credential: made.credential, secret: made.secret)
            change(&parts)
            let error = #expect(throws: TPMError.self) {
                try tpm.activate(credential: parts.credential, secret: parts.secret)
            }
            #expect(error?.operation == "TPM2_ActivateCredential")
            #expect(error?.reason.hasPrefix("tpm:") == true, "\(error?.reason ?? "")")
        }
        // Nothing of that is left in the TPM, which has room for three keys and three sessions.
        for _ in 0..<5 { _ = try tpm.activate(credential: made.credential, secret: made.secret) }
    }

    private typealias MadeCredentialParts = (credential: [UInt8], secret: [UInt8])

    private func credential(_ bytes: [UInt8], for tpm: OpenedSoftwareTPM) throws -> MadeCredential {
        try MadeCredential(
            SecretBytes(bytes), name: AttestationKey(publicArea: tpm.keys.attestationKey).name,
            endorsementKey: PublicKey(subjectPublicKeyInfo: tpm.keys.endorsementKey), seed: RandomBytes.makeSecret(32))
    }

    /// Both ways between what makes credentials here and the program of tpm2-tools.
    @Test func tpm2MakecredentialMakesTheSame() throws {
        let (tpm, directory) = (try open(SoftwareTPM()), try TemporaryDirectory())
        let path = { directory.path + "/" + $0 }
        let bytes = Array("0123456789abcdef".utf8)
        let name = try AttestationKey(publicArea: tpm.keys.attestationKey).name
        try Data(bytes).write(to: URL(filePath: path("secret")))
        try Data(tpm.keys.endorsementKey).write(to: URL(filePath: path("ek.der")))
        try Command.run(
            "openssl", "pkey", "-pubin", "-inform", "der", "-in", path("ek.der"), "-pubout", "-out", path("ek.pem"))
        try Command.run(
            "tpm2_makecredential", "--tcti=none", "-G", "rsa", "-u", path("ek.pem"), "-s", path("secret"), "-n",
            name.map { String(format: "%02x", $0) }.joined(), "-o", path("made"))
        let file = Array(try Data(contentsOf: URL(filePath: path("made"))))
        // The tools' own header, then both structures.
        let end = 8 + 2 + Int(file[8]) << 8 + Int(file[9])
        let found = try tpm.activate(credential: Array(file[8..<end]), secret: Array(file[end...]))
        #expect(SecretBytes.constantTimeEqual(found, SecretBytes(bytes)))
        let made = try credential(bytes, for: tpm)
        #expect((made.credential.count, made.secret.count) == (end - 8, file.count - end))
    }

    // MARK: Quotes

    @Test func aQuoteSaysWhatItWasAskedAndTheRegisters() throws {
        let software = try SoftwareTPM()
        let registers = try #require(PlatformRegisters([0, 7, 23]))
        let nonce = try RandomBytes.make(32)
        let zeros = PlatformRegisters.digest(of: [0: zero, 7: zero, 23: zero])
        #expect(try quote(software, registers, nonce) == zeros)
        try software.tool("pcrextend", "7:sha256=" + String(repeating: "ab", count: 32))
        let extended = SHA256Digest.hash(zero + [UInt8](repeating: 0xab, count: 32))
        #expect(
            try quote(software, registers, nonce) == PlatformRegisters.digest(of: [0: zero, 7: extended, 23: zero]))
    }

    private let zero = [UInt8](repeating: 0, count: 32)

    private func quote(
        _ software: SoftwareTPM, _ registers: PlatformRegisters, _ nonce: [UInt8]
    ) throws -> [UInt8] {
        let tpm = try open(software)
        let signed = try tpm.quote(registers, nonce: nonce)
        let key = try AttestationKey(publicArea: tpm.keys.attestationKey)
        #expect(try key.verify(signed.signature, of: signed.attestation))
        var other = signed.attestation
        other[other.count - 1] ^= 1
        #expect(try !key.verify(signed.signature, of: other))
        let quote = try Quote(attestation: signed.attestation)
        #expect(quote.nonce == nonce && quote.registers == registers)
        return quote.digest
    }

    // MARK: No TPM

    @Test func whatTheTPMSaysIsInWords() throws {
        let software = try SoftwareTPM()
        // Somebody has taken the hierarchy.
        try software.tool("changeauth", "-c", "e", "secret")
        let taken = #expect(throws: TPMError.self) { try open(software) }
        #expect(taken?.operation.contains("TPM2_CreatePrimary") == true)
        #expect(taken?.reason.contains("authorization") == true, "\(taken?.reason ?? "")")
        try software.tool("changeauth", "-c", "e", "-p", "secret", "")
        let tpm = try open(software)
        software.end()
        #expect(throws: TPMError.self) { try tpm.quote(PlatformRegisters([0])!, nonce: []) }
        let gone = #expect(throws: TPMError.self) { try open(software) }
        #expect(gone?.operation.contains("opening swtpm:") == true)
    }

    @Test(arguments: ["device:/dev/no-such-tpm", "nonsense:x", "device:/dev/null"])
    func noTPMIsThere(_ configuration: String) {
        #expect(throws: TPMError.self) { try TPMDevice(configuration: configuration).open() }
    }
}
