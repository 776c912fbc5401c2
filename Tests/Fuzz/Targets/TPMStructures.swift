import OpenSSLBinding
import TrustedPlatform

/// What a node says that its TPM said: a key, a quote and a signature, told apart by the first byte. What is accepted is byte for
/// byte what its name is the hash of, and says the same with not a byte more or less.
func fuzzTPMStructures(_ input: [UInt8]) {
    guard let kind = input.first else { return }
    let structure = Array(input.dropFirst())
    switch kind % 3 {
    case 0:
        guard let key = try? AttestationKey(publicArea: structure) else { return }
        precondition(key.name.count == 34 && key.publicKey.kind == .ecP256)
        precondition((try? AttestationKey(publicArea: structure + [0])) == nil)
        precondition((try? AttestationKey(publicArea: structure.dropLast())) == nil)
    case 1:
        guard let quote = try? Quote(attestation: structure) else { return }
        precondition(Array(structure.prefix(6)) == [0xff, 0x54, 0x43, 0x47, 0x80, 0x18])
        precondition(quote.nonce.count <= 64 && quote.digest.count <= 32)
        precondition(quote.registers?.numbers.isEmpty != true)
        precondition((try? Quote(attestation: structure + [0])) == nil)
    default:
        // Nobody signs by a key that was made for this alone.
        precondition((try? ownKey.verify(structure, of: [])) != true)
    }
}

private let ownKey: AttestationKey = {
    let area: [UInt8] =
        [0, 0x23, 0, 0x0b, 0, 5, 4, 0x72, 0, 0, 0, 0x10, 0, 0x18, 0, 0x0b, 0, 3, 0, 0x10]
        + [
            0, 32, 0xec, 0x9f, 0x38, 0x52, 0xc9, 0x25, 0x74, 0xb3, 0x3d, 0x21, 0x4e, 0xe5, 0xd1, 0xd2, 0xc4, 0x48,
            0xf5, 0x6d, 0x7f, 0xea, 0x44, 0x6a, 0x4c, 0x0d, 0x9e, 0xc6, 0x10, 0x80, 0x32, 0x6f, 0x49, 0xab,
        ]
        + [
            0, 32, 0xad, 0x66, 0xd0, 0xb5, 0x8d, 0xc6, 0xeb, 0x83, 0xed, 0x12, 0x01, 0xe8, 0xf4, 0x89, 0x0b, 0x99,
            0x26, 0x5b, 0x55, 0x7a, 0x33, 0x94, 0x5b, 0x6a, 0xcd, 0x6e, 0x3a, 0x5e, 0xec, 0xab, 0xc1, 0x18,
        ]
    guard let key = try? AttestationKey(publicArea: area) else { preconditionFailure("no key") }
    return key
}()
