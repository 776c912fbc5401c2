internal import Crypto
public import OpenSSLBinding

/// The client's key pair of one ML-KEM-768 exchange (FIPS 203).
struct KeyEncapsulation: Sendable {
    private let key: MLKEM768.PrivateKey

    static let seedLength = 64
    static let encapsulationKeyLength = 1184
    static let ciphertextLength = 1088

    /// `seed`: 64 random bytes, d || z.
    init(seed: [UInt8]) throws(LinkFailure) {
        do {
            key = try MLKEM768.PrivateKey(seedRepresentation: seed, publicKey: nil)
        } catch {
            throw .keyEncapsulationFailed
        }
    }

    var encapsulationKey: [UInt8] { Array(key.publicKey.rawRepresentation) }

    func decapsulate(_ ciphertext: [UInt8]) throws(LinkFailure) -> SecretBytes {
        do {
            let secret = try key.decapsulate(ciphertext)
            return unsafe secret.withUnsafeBytes { unsafe SecretBytes(copying: $0) }
        } catch {
            throw .keyEncapsulationFailed
        }
    }
}

/// What the server sends and keeps of one ML-KEM-768 exchange.
public struct EncapsulatedSecret: Sendable {
    public let ciphertext: [UInt8]
    public let secret: SecretBytes

    public init(ciphertext: [UInt8], secret: SecretBytes) {
        self.ciphertext = ciphertext
        self.secret = secret
    }
}

/// Where the machines get randomness from; they have none of their own.
public struct Entropy: Sendable {
    let bytes: @Sendable (_ count: Int) -> [UInt8]
    let encapsulate: @Sendable (_ encapsulationKey: [UInt8]) -> EncapsulatedSecret?

    /// - Parameters:
    ///   - bytes: unpredictable bytes; never the same twice.
    ///   - encapsulate: ML-KEM-768 encapsulation to a key of 1184 bytes, nil if that is no key.
    public init(
        bytes: @escaping @Sendable (_ count: Int) -> [UInt8],
        encapsulate: @escaping @Sendable (_ encapsulationKey: [UInt8]) -> EncapsulatedSecret?
    ) {
        self.bytes = bytes
        self.encapsulate = encapsulate
    }

    /// Between 0 and 1: for jitter.
    func fraction() -> Double {
        Double(bytes(2).reduce(0) { $0 << 8 | UInt32($1) }) / 65536
    }
}
