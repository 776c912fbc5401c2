package import OpenSSLBinding

/// Which keys may stand in a certificate.
package enum KeyPolicy {
    /// Larger moduli only make verification expensive.
    private static let rsaBits = 2048...8192

    package static func accepts(_ kind: PublicKey.Kind) -> Bool {
        switch kind {
        case .ecP256, .ecP384, .ed25519: true
        case .rsa(let bits): rsaBits.contains(bits)
        case .ecP521, .other: false
        }
    }
}
