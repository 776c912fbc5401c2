import OpenSSLBinding
import Testing

@testable import TrustedPlatform

/// Structures that a TPM (swtpm 0.7.1, libtpms 0.9) has written, and what is next to them.
@Suite struct FormatTests {
    // MARK: Keys

    /// Type, name algorithm, attributes, policy, symmetric, scheme, hash, curve, key derivation, x, y.
    private static let publicArea = bytes(
        """
        0023 000b 00050472 0000 0010 0018 000b 0003 0010
        0020 ec9f3852c92574b33d214ee5d1d2c448f56d7fea446a4c0d9ec61080326f49ab
        0020 ad66d0b58dc6eb83ed1201e8f4890b99265b557a33945b6acd6e3a5eecabc118
        """)

    @Test func aKeyAndItsName() throws {
        let key = try AttestationKey(publicArea: Self.publicArea)
        #expect(key.publicKey.kind == .ecP256)
        #expect(key.name == [0, 0x0b] + SHA256Digest.hash(Self.publicArea))
    }

    @Test(
        arguments: [
            // Not fixedTPM, not fixedParent, made elsewhere, for who satisfies a policy, not restricted, one that decrypts.
            0x0005_0470, 0x0005_0462, 0x0005_0452, 0x0005_0432, 0x0005_04f2, 0x0004_0472, 0x0007_0472, 0x0001_0472, 0,
            0xffff_ffff,
        ] as [UInt32])
    func keysThatSayMoreThanTheirTPM(_ attributes: UInt32) {
        var area = Self.publicArea
        area.replaceSubrange(4..<8, with: attributes.bigEndianBytes)
        #expect(throws: AttestationKeyError.attributes(attributes)) { try AttestationKey(publicArea: area) }
    }

    @Test(arguments: [
        (1, TPMFormatError.Field.type), (3, .nameAlgorithm), (9, .policy), (11, .symmetricAlgorithm), (13, .scheme),
        (15, .hash), (17, .curve), (19, .keyDerivation),
    ])
    func keysOfOtherKinds(_ place: Int, _ field: TPMFormatError.Field) {
        var area = Self.publicArea
        area[place] ^= 1
        #expect(throws: AttestationKeyError.format(.other(field))) { try AttestationKey(publicArea: area) }
    }

    @Test func keysThatAreCutShortOrNoPoint() {
        for count in 0..<Self.publicArea.count {
            #expect(throws: AttestationKeyError.self) {
                try AttestationKey(publicArea: Array(Self.publicArea.prefix(count)))
            }
        }
        #expect(throws: AttestationKeyError.format(.tooLong)) { try AttestationKey(publicArea: Self.publicArea + [0]) }
        var area = Self.publicArea
        area[30] ^= 1
        #expect(throws: AttestationKeyError.noPoint) { try AttestationKey(publicArea: area) }
    }

    // MARK: Quotes

    /// Magic, type, signer, nonce, clock, firmware, one bank with registers 0 and 7, digest.
    private static let attestation = bytes(
        """
        ff544347 8018 0022 000bc37aeb6c93cf29dfc808f8a2eecf0991ac9b43ec5487ce591d50469990b1ad96
        0020 3031323334353637383961626364656630313233343536373839616263646566
        0000000000000d64 00000002 00000000 01 2019102300163636
        00000001 000b 03 810000 0020 f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b
        """)
    private static let signature = bytes(
        """
        0018 000b 0020 3efcb2411349602dad345c0c11669a4b04a8febb35a8b6e4e5aa5eefad8df743
        0020 9d9655e8b6712a9706c48a7fcae4d70d30fc8a36df7e6565030e96ef6cea817a
        """)

    @Test func aQuote() throws {
        let quote = try Quote(attestation: Self.attestation)
        #expect(quote.nonce == Array("0123456789abcdef0123456789abcdef".utf8))
        #expect(quote.registers?.numbers == [0, 7])
        let zero = [UInt8](repeating: 0, count: 32)
        #expect(quote.digest == PlatformRegisters.digest(of: [7: zero, 0: zero]))
        let key = try AttestationKey(publicArea: Self.publicArea)
        #expect(try key.verify(Self.signature, of: Self.attestation))
        #expect(try !key.verify(Self.signature, of: Self.attestation + [0]))
    }

    @Test func quotesThatAreCutShortOrOfOtherThings() throws {
        for count in 0..<Self.attestation.count {
            #expect(throws: TPMFormatError.self) { try Quote(attestation: Array(Self.attestation.prefix(count))) }
        }
        #expect(throws: TPMFormatError.tooLong) { try Quote(attestation: Self.attestation + [0]) }
        // What a TPM signs of others' messages does not begin so; a certification of a key is of another type.
        for (place, field) in [(0, TPMFormatError.Field.magic), (5, .type), (104, .bank), (105, .bank)] {
            var other = Self.attestation
            other[place] ^= 2
            #expect(throws: TPMFormatError.other(field), "\(place)") { try Quote(attestation: other) }
        }
    }

    @Test func signaturesThatAreNone() throws {
        let key = try AttestationKey(publicArea: Self.publicArea)
        for count in 0..<Self.signature.count {
            #expect(throws: TPMFormatError.self) {
                try key.verify(Array(Self.signature.prefix(count)), of: Self.attestation)
            }
        }
        for place in [10, 50] {
            var other = Self.signature
            other[place] ^= 1
            #expect(try !key.verify(other, of: Self.attestation))
        }
    }

    @Test func registersThatAreNone() {
        #expect(PlatformRegisters([]) == nil && PlatformRegisters([24]) == nil && PlatformRegisters([-1]) == nil)
        #expect(PlatformRegisters([23, 0, 0])?.numbers == [0, 23])
    }
}

private func bytes(_ text: String) -> [UInt8] {
    let digits = Array(text.filter { !$0.isWhitespace })
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0...$0 + 1]), radix: 16)! }
}
