import Identity
import OpenSSLBinding
import Testing

/// Certificates of a form that is refused before anything is computed with them.
struct CertificateFormTests {
    private let forgery: Forgery

    init() throws { forgery = try Forgery() }

    /// Version 1 has no extensions, and with them nothing that says who may be an authority.
    @Test func certificatesOfVersion1AreRefused() throws {
        let leaf = try Self.version1(forgery.leaf(), by: forgery.key)
        #expect(leaf.version == 1)
        #expect(throws: SVIDRejection.wrongVersion(depth: 0, version: 1)) { try forgery.verify([leaf]) }
        let middle = try forgery.intermediate()
        let old = try Self.version1(middle.0, by: forgery.key)
        #expect(old.publicKey == middle.0.publicKey && old.subject == middle.0.subject)
        #expect(throws: SVIDRejection.wrongVersion(depth: 1, version: 1)) {
            try forgery.verify([forgery.leaf(under: middle), old])
        }
        let root = try Self.version1(forgery.root, by: forgery.key)
        #expect(throws: SVIDRejection.wrongVersion(depth: 0, version: 1)) {
            try TrustBundle(trustDomain: forgery.domain, authorities: [root], sequence: 1)
        }
        // What they are made of is sound.
        #expect(throws: Never.self) { try forgery.verify([forgery.leaf(under: middle), middle.0]) }
    }

    /// Too weak, or so large that one signature would keep a verifier for long.
    @Test(arguments: [1024, 2047, 8200, 16384]) func moduliThatAreRefused(bits: Int) throws {
        let key = try Self.rsaKey(bits: bits)
        let rejection = SVIDRejection.unacceptableKey(depth: 0, key: "\(PublicKey.Kind.rsa(bits: bits))")
        #expect(throws: rejection) { try forgery.verify([forgery.leaf { $0.key = key }]) }
        let middle = try forgery.intermediate { $0.key = key }
        let began = ContinuousClock.now
        #expect(throws: SVIDRejection.unacceptableKey(depth: 1, key: "\(PublicKey.Kind.rsa(bits: bits))")) {
            try forgery.verify([forgery.leaf(under: middle), middle.0])
        }
        #expect(ContinuousClock.now - began < .seconds(1))
        #expect(throws: rejection) {
            try TrustBundle(trustDomain: forgery.domain, authorities: [middle.0], sequence: 1)
        }
    }

    @Test(arguments: [2048, 3072, 4096, 8192]) func moduliThatAreTaken(bits: Int) throws {
        let key = try Self.rsaKey(bits: bits)
        #expect(throws: Never.self) { try forgery.verify([forgery.leaf { $0.key = key }]) }
    }

    /// The same without version and extensions, signed anew.
    private static func version1(_ certificate: Certificate, by key: PrivateKey) throws -> Certificate {
        var outer = DERReader(try DERReader.only(.sequence, in: certificate.der))
        var body = DERReader(try outer.read(.sequence))
        let algorithm = try outer.readWhole(.sequence)
        _ = try body.read(.context0Constructed)
        var parts = [try body.readWhole(.integer)]
        // Algorithm, issuer, validity, subject and key.
        for _ in 0..<5 { parts.append(try body.readWhole(.sequence)) }
        let unsigned = DER.sequence(of: parts)
        let signature = try key.sign(unsigned, by: .ecdsa(.sha256))
        return try Certificate(der: DER.sequence(unsigned, algorithm, DER.element(.bitString, [0] + signature)))
    }

    /// A key of which nobody knows the private part: to make one of this size takes minutes.
    private static func rsaKey(bits: Int) throws -> PublicKey {
        var modulus = [UInt8](repeating: 0xa5, count: (bits + 7) / 8)
        modulus[0] = 1 << UInt8((bits - 1) % 8)
        let key = DER.sequence(DER.integer(magnitude: modulus), DER.integer(65537))
        let rsaEncryption = DER.element(.objectIdentifier, [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1])
        let algorithm = DER.sequence(rsaEncryption, DER.element(.null, []))
        return try PublicKey(
            subjectPublicKeyInfo: DER.sequence(algorithm, DER.element(.bitString, [0] + key)))
    }
}
