import Foundation
import KernelTestSupport
import OpenSSLBinding
import Testing

struct KeyTests {
    private let message = Array("announce".utf8)

    private static let kinds: [PublicKey.Kind] = [.ecP256, .ecP384, .rsa(bits: 2048), .rsa(bits: 4096), .ed25519]

    @Test(arguments: zip(KeyAlgorithm.allCases, kinds))
    func generatedKeySignsAndSurvivesPKCS8(_ algorithm: KeyAlgorithm, _ kind: PublicKey.Kind) throws {
        let key = try PrivateKey.generate(algorithm)
        #expect(key.publicKey.kind == kind)
        #expect(key.publicKey.isConsistent)

        let signature = try key.sign(message)
        for copy in [try PrivateKey(pem: key.pkcs8PEM()), try PrivateKey(pkcs8DER: key.pkcs8DER())] {
            #expect(copy.publicKey == key.publicKey)
            #expect(copy.publicKey.verify(signature, of: message))
        }
        #expect(!key.publicKey.verify(signature, of: message + [0]))
        #expect(!key.publicKey.verify(Array(signature.dropLast()), of: message))
        #expect(!key.publicKey.verify([], of: message))
        let stranger = try PrivateKey.generate(algorithm == .rsa4096 ? .ecP256 : algorithm)
        #expect(!stranger.publicKey.verify(signature, of: message))
    }

    @Test(arguments: KeyAlgorithm.allCases)
    func aSealedKeyIsOpenedByItsSecretAlone(_ algorithm: KeyAlgorithm) throws {
        let key = try PrivateKey.generate(algorithm)
        let secret = SecretBytes([UInt8](0..<32))
        let sealed = try key.sealedPEM(by: secret)
        #expect(try PrivateKey(sealedPEM: sealed, by: secret).publicKey == key.publicKey)
        #expect(try !SecretBytes.constantTimeEqual(key.sealedPEM(by: secret), sealed), "with another salt")
        for other in [SecretBytes([UInt8](1..<33)), SecretBytes([])] {
            // A wrong key may look like a right one by the padding alone, once in some hundred.
            #expect((try? PrivateKey(sealedPEM: sealed, by: other))?.publicKey != key.publicKey)
        }
        #expect(throws: OpenSSLError.self) { try PrivateKey(pem: sealed) }
        #expect(throws: OpenSSLError.self) { try PrivateKey(sealedPEM: key.pkcs8PEM(), by: secret) }
    }

    /// By the command that operators have for it, too.
    @Test func aSealedKeyIsOpenedByOpenSSLsCommand() throws {
        let directory = try TemporaryDirectory()
        let key = try PrivateKey.generate(.ecP256)
        let secret = [UInt8]((0..<43).map { UInt8(ascii: "A") + $0 % 26 })
        let sealed = unsafe try key.sealedPEM(by: SecretBytes(secret)).withUnsafeBytes { unsafe Array($0) }
        for (name, bytes) in [("secret", secret), ("key", sealed)] {
            try Data(bytes).write(to: URL(filePath: "\(directory.path)/\(name)"))
        }
        let opened = try Command.run([
            "openssl", "pkey", "-in", directory.path + "/key", "-passin", "file:\(directory.path)/secret", "-pubout",
        ])
        let block = opened.split(separator: "\n").dropFirst().dropLast().joined()
        #expect(Data(base64Encoded: block) == Data(key.publicKey.subjectPublicKeyInfo))
    }

    @Test(arguments: [
        "", "no PEM at all", "-----BEGIN PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ])
    func damagedPEMIsRefused(_ text: String) {
        #expect(throws: OpenSSLError.self) { try PrivateKey(pem: SecretBytes(Array(text.utf8))) }
    }

    @Test func secondBlockAndTrailingBytesAreRefused() throws {
        let key = try PrivateKey.generate()
        let pem = try bytes(key.pkcs8PEM())
        #expect(throws: OpenSSLError.self) { try PrivateKey(pem: SecretBytes(pem + pem)) }
        #expect(throws: OpenSSLError.self) { try PrivateKey(pkcs8DER: SecretBytes(bytes(key.pkcs8DER()) + [0])) }
    }

    @Test func encryptedKeyIsRefusedWithoutAskingForAPassword() {
        let text = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n"
        #expect(throws: OpenSSLError.self) { try PrivateKey(pem: SecretBytes(Array(text.utf8))) }
    }

    /// A scheme counts for keys of its own kind alone, and no two schemes take each other's signatures.
    @Test(arguments: [KeyAlgorithm.ecP256, .rsa2048, .ed25519])
    func aSignatureIsOfOneScheme(_ algorithm: KeyAlgorithm) throws {
        let key = try PrivateKey.generate(algorithm)
        let signature = try key.sign(message)
        let schemes: [SignatureScheme] = [
            .ecdsa(.sha256), .ecdsa(.sha384), .rsaPSS(.sha256), .rsaPSS(.sha384), .rsaPKCS1(.sha256), .ed25519,
        ]
        #expect(schemes.filter { key.publicKey.verify(signature, of: message, by: $0) }.count == 1)
    }

    @Test func publicKeyIsReadFromExactlyItsOwnEncoding() throws {
        let key = try PrivateKey.generate().publicKey
        #expect(try PublicKey(subjectPublicKeyInfo: key.subjectPublicKeyInfo) == key)
        for damaged in [[], key.subjectPublicKeyInfo + [0], Array(key.subjectPublicKeyInfo.dropLast())] {
            #expect(throws: OpenSSLError.self) { try PublicKey(subjectPublicKeyInfo: damaged) }
        }
    }

    @Test func failedCallLeavesNothingInTheQueue() throws {
        let key = try PrivateKey.generate()
        _ = key.publicKey.verify([1, 2, 3], of: message)
        let error = #expect(throws: OpenSSLError.self) { try PrivateKey(pkcs8DER: SecretBytes([0x30])) }
        #expect(error?.operation == "d2i_PKCS8_PRIV_KEY_INFO")
        let second = #expect(throws: OpenSSLError.self) { try PrivateKey(pem: SecretBytes([])) }
        #expect(second?.reasons == ["no unencrypted PKCS#8 private key"])
    }

    private func bytes(_ secret: SecretBytes) -> [UInt8] { unsafe secret.withUnsafeBytes { unsafe Array($0) } }
}

struct SecretBytesTests {
    @Test func holdsWhatItWasGiven() {
        let secret = SecretBytes([1, 2, 3])
        #expect(secret.count == 3)
        #expect(unsafe secret.withUnsafeBytes { unsafe Array($0) } == [1, 2, 3])
        #expect(SecretBytes([]).count == 0)
    }

    @Test func constantTimeComparison() {
        #expect(SecretBytes.constantTimeEqual(SecretBytes([1, 2]), SecretBytes([1, 2])))
        #expect(!SecretBytes.constantTimeEqual(SecretBytes([1, 2]), SecretBytes([1, 3])))
        #expect(!SecretBytes.constantTimeEqual([1, 2], [1, 2, 3]))
        #expect(SecretBytes.constantTimeEqual([UInt8](), []))
    }

    @Test func tellsNothingWhenPrinted() {
        let text = "\(SecretBytes(Array("hunter2".utf8)))"
        #expect(!text.contains("hunter2") && !text.contains("104"))
    }

    @Test func randomBytesDiffer() throws {
        #expect(try RandomBytes.make(32) != RandomBytes.make(32))
        #expect(try !SecretBytes.constantTimeEqual(RandomBytes.makeSecret(32), RandomBytes.makeSecret(32)))
        #expect(try RandomBytes.make(0).isEmpty)
    }

    /// FIPS 180-2 appendix B.1.
    @Test func sha256OfABC() {
        let digest = SHA256Digest.hash(Array("abc".utf8))
        #expect(digest.prefix(4) == [0xba, 0x78, 0x16, 0xbf])
        #expect(digest.suffix(4) == [0xf2, 0x00, 0x15, 0xad])
    }
}
