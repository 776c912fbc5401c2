/// The kinds of keys that are made.
public enum KeyAlgorithm: String, Sendable, CaseIterable {
    case ecP256 = "ec-p256"
    case ecP384 = "ec-p384"
    case rsa2048 = "rsa-2048"
    case rsa4096 = "rsa-4096"
    case ed25519
}
