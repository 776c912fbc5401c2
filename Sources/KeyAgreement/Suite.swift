/// The AEAD that packets of an epoch are sealed with. Raw values are those of the wire and of the kernel ABI; none is
/// ever re-used.
public enum Suite: UInt16, Sendable, CaseIterable {
    /// ChaCha20-Poly1305 for ESP (RFC 7634): key 32 bytes, salt 4.
    case chacha20Poly1305 = 1
}

/// What is mixed with the TLS exporter against an attacker who records now and has a quantum computer later. There is
/// deliberately no "none".
public enum PostQuantumMode: UInt8, Sendable, CaseIterable {
    /// ML-KEM-768 (FIPS 203): encapsulation key 1184 bytes, ciphertext 1088, secret 32.
    case mlkem768 = 1
}

extension Suite: CustomStringConvertible {
    public var description: String {
        switch self {
        case .chacha20Poly1305: "chacha20-poly1305"
        }
    }
}

extension PostQuantumMode: CustomStringConvertible {
    public var description: String {
        switch self {
        case .mlkem768: "ml-kem-768"
        }
    }
}
