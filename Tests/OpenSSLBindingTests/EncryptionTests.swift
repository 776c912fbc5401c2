import OpenSSLBinding
import Testing

/// TPMs open what is encrypted here in TPMBindingTests.
@Suite struct EncryptionTests {
    /// The first of NIST's CFB128KeySbox128 (AESAVS).
    @Test func aVector() throws {
        let key: [UInt8] = [
            0x10, 0xa5, 0x88, 0x69, 0xd7, 0x4b, 0xe5, 0xa3, 0x74, 0xcf, 0x86, 0x7c, 0xfb, 0x47, 0x38, 0x59,
        ]
        let expected: [UInt8] = [
            0x6d, 0x25, 0x1e, 0x69, 0x44, 0xb0, 0x51, 0xe0, 0x4e, 0xaa, 0x6f, 0xb4, 0xdb, 0xf7, 0x84, 0x65,
        ]
        let zeros = [UInt8](repeating: 0, count: 16)
        #expect(try AES128CFB.encrypt(zeros, key: SecretBytes(key)) == expected)
        // A message may end within a block.
        #expect(try AES128CFB.encrypt([0, 0, 0], key: SecretBytes(key)) == Array(expected.prefix(3)))
    }

    @Test(arguments: [0, 15, 17, 32]) func otherKeysAreRefused(_ count: Int) {
        #expect(throws: OpenSSLError.self) {
            try AES128CFB.encrypt([0], key: SecretBytes([UInt8](repeating: 0, count: count)))
        }
    }

    @Test func oaepIsRandomAndForRSA() throws {
        let (key, secret) = (try PrivateKey.generate(.rsa2048).publicKey, SecretBytes([1, 2, 3]))
        let first = try key.encryptOAEP(secret, label: [0x41, 0])
        #expect(first.count == 256)
        #expect(try key.encryptOAEP(secret, label: [0x41, 0]) != first)
        #expect(try key.encryptOAEP(secret, label: []).count == 256)
        let long = SecretBytes([UInt8](repeating: 0, count: 191))
        #expect(throws: OpenSSLError.self) { try key.encryptOAEP(long, label: []) }
        let curve = try PrivateKey.generate(.ecP256).publicKey
        #expect(throws: OpenSSLError.self) { try curve.encryptOAEP(secret, label: []) }
    }
}
