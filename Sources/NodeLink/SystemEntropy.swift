internal import Crypto
package import KeyAgreement
internal import OpenSSLBinding

extension Entropy {
    /// OpenSSL's random generator, and ML-KEM by swift-crypto. Without randomness nothing may go on: a failure traps.
    package static let system = Entropy(
        bytes: { count in
            do throws(OpenSSLError) { return try RandomBytes.make(count) } catch {
                fatalError("no randomness: \(error)")
            }
        },
        encapsulate: { key in
            guard let result = try? MLKEM768.PublicKey(rawRepresentation: key).encapsulate() else { return nil }
            return EncapsulatedSecret(ciphertext: Array(result.encapsulated), secret: SecretBytes(result.sharedSecret))
        })
}

extension SecretBytes {
    fileprivate convenience init(_ key: SymmetricKey) {
        unsafe self.init(count: key.bitCount / 8) { destination in
            unsafe key.withUnsafeBytes { unsafe destination.copyMemory(from: $0) }
        }
    }
}
