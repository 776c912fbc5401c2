import Configuration
import OpenSSLBinding

extension KeyAlgorithm {
    /// As the configuration calls it.
    init(_ type: PodshieldConfiguration.KeyType) {
        self =
            switch type {
            case .ecP256: .ecP256
            case .ecP384: .ecP384
            case .rsa2048: .rsa2048
            case .rsa4096: .rsa4096
            case .ed25519: .ed25519
            }
    }
}
