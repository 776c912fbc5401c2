/// A private key that signs, wherever it is: in memory, in a token, with a service.
public protocol SigningKey: Sendable {
    var publicKey: PublicKey { get }

    /// Whether `sign` needs nothing but this process. Any other key may keep the calling thread waiting, up to a limit of its
    /// own, and its signatures are not believed unseen.
    var isInMemory: Bool { get }

    /// Does what is due for `sign` to go on working, such as renewing a session, and throws what `sign` would.
    func keepReady() throws(SigningError)

    /// Signs `message`; a scheme that keys of this kind do not have is an error.
    func sign(_ message: [UInt8], by scheme: SignatureScheme) throws(SigningError) -> [UInt8]
}

/// A store that signs and never shows its key.
public protocol SigningKeyStore: Sendable, CustomStringConvertible {
    /// Opens the key, or makes one where there is none and the store was told that it may.
    ///
    /// - Parameters:
    ///   - expected: what the CA's certificate says; the key has to be this one. Nil for a CA that is going to be made.
    func open(expecting expected: PublicKey?) throws(SigningError) -> any SigningKey
}

/// Why there is no signature.
public enum SigningError: Error, Sendable, Equatable {
    case openSSL(OpenSSLError)
    /// Where the key is cannot be reached, or cannot sign now; it may be otherwise in a moment.
    case unavailable(String)
    /// It will not sign until somebody changes something, and trying again may do harm.
    case refused(String)
    /// What came back is no signature by the key.
    case wrongSignature
}

extension SigningError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .openSSL(let error): "\(error)"
        case .unavailable(let reason): "the signing key is away: \(reason)"
        case .refused(let reason): "the signing key is refused: \(reason)"
        case .wrongSignature: "the signature is not by the key that was to sign"
        }
    }
}

extension SigningError {
    /// Whether another try would change nothing, or do harm.
    public var isRefusal: Bool { if case .refused = self { true } else { false } }

    static func wrap<Value>(_ body: () throws(OpenSSLError) -> Value) throws(SigningError) -> Value {
        do throws(OpenSSLError) { return try body() } catch { throw .openSSL(error) }
    }
}

extension PrivateKey: SigningKey {
    public var isInMemory: Bool { true }

    public func keepReady() {}

    public func sign(_ message: [UInt8], by scheme: SignatureScheme) throws(SigningError) -> [UInt8] {
        try SigningError.wrap { () throws(OpenSSLError) in try signature(of: message, by: scheme) }
    }
}
