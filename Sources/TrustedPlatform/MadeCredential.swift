internal import Crypto
internal import FoundationEssentials
public import OpenSSLBinding

/// A secret that only a TPM finds that has both an endorsement key and the key of a name: TPM2_MakeCredential, in software
/// (part 1, section 24; part 3, section 12.6).
public struct MadeCredential: Sendable {
    /// TPM2B_ID_OBJECT: the secret encrypted, behind a code that binds it to the name.
    public let credential: [UInt8]
    /// TPM2B_ENCRYPTED_SECRET: the seed of both keys of `credential`, for the endorsement key.
    public let secret: [UInt8]

    /// - Parameters:
    ///   - hidden: 32 bytes at most.
    ///   - name: of the key that has to be in the TPM.
    ///   - endorsementKey: RSA, by a template with SHA-256 and AES-128-CFB.
    ///   - seed: 32 bytes that are secret and good for this alone.
    public init(
        _ hidden: SecretBytes, name: [UInt8], endorsementKey: PublicKey, seed: SecretBytes
    ) throws(OpenSSLError) {
        guard hidden.count <= 32, seed.count == 32 else {
            throw OpenSSLError(
                operation: "MakeCredential", reasons: ["\(hidden.count) bytes to hide by a seed of \(seed.count)"])
        }
        let encryptedSeed = try endorsementKey.encryptOAEP(seed, label: Label.identity)
        let storage = TPMKeyDerivation.derive(seed, Label.storage, context: name, count: 16)
        var plain = UInt16(hidden.count).bigEndianBytes
        // So that nothing of it is left where it grew.
        plain.reserveCapacity(2 + hidden.count)
        unsafe hidden.withUnsafeBytes { unsafe plain.append(contentsOf: $0) }
        defer { for index in plain.indices { plain[index] = 0 } }
        let identity = try AES128CFB.encrypt(plain, key: storage)
        let integrity = TPMKeyDerivation.derive(seed, Label.integrity, context: [], count: 32)
        let code = TPMKeyDerivation.code(integrity, identity + name)
        credential = Self.sized(Self.sized(Array(code)) + identity)
        secret = Self.sized(encryptedSeed)
    }

    private static func sized(_ bytes: [UInt8]) -> [UInt8] { UInt16(bytes.count).bigEndianBytes + bytes }
}

/// Each with the zero that ends it (part 1, sections B.10.3 and 11.4.10.2).
private enum Label {
    static let identity = Array("IDENTITY".utf8) + [0]
    static let storage = Array("STORAGE".utf8) + [0]
    static let integrity = Array("INTEGRITY".utf8) + [0]
}

/// KDFa with HMAC and SHA-256 (part 1, section 11.4.10.2), which is SP 800-108 in counter mode.
private enum TPMKeyDerivation {
    /// One block is enough: 32 bytes at most.
    static func derive(_ seed: SecretBytes, _ label: [UInt8], context: [UInt8], count: Int) -> SecretBytes {
        let block = code(seed, UInt32(1).bigEndianBytes + label + context + UInt32(8 * count).bigEndianBytes)
        return unsafe SecretBytes(count: count) { destination in
            unsafe block.withUnsafeBytes {
                unsafe destination.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<count]))
            }
        }
    }

    static func code(_ key: SecretBytes, _ message: [UInt8]) -> HMAC<SHA256>.MAC {
        let symmetric = unsafe key.withUnsafeBytes { unsafe SymmetricKey(data: $0) }
        return HMAC<SHA256>.authenticationCode(for: message, using: symmetric)
    }
}
