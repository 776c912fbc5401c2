public import OpenSSLBinding
internal import PrintableText

/// The CA's key in a token behind a PKCS #11 module: an HSM, a smart card, SoftHSM.
public struct PKCS11KeyStore: SigningKeyStore {
    /// Absolute path of the module.
    public var module: String
    public var token: String
    /// One of the two at least; both have to fit where both are given.
    public var keyLabel: String?
    public var keyID: [UInt8]?
    /// Makes the key when there is none and no CA needs one that was made before.
    public var mayCreate: Bool
    /// Read anew for each login, and wiped after it.
    public var pin: @Sendable () throws(PINError) -> SecretBytes

    public init(
        module: String, token: String, keyLabel: String?, keyID: [UInt8]?, mayCreate: Bool,
        pin: @escaping @Sendable () throws(PINError) -> SecretBytes
    ) {
        self.module = module
        self.token = token
        self.keyLabel = keyLabel
        self.keyID = keyID
        self.mayCreate = mayCreate
        self.pin = pin
    }

    /// - Throws: `refused` for what another try would not mend or could make worse.
    public func open(expecting expected: PublicKey?) throws(SigningError) -> any SigningKey {
        do throws(PKCS11Error) {
            return PKCS11Key(self, try OpenedKey(self, mayCreate: mayCreate && expected == nil, expecting: expected))
        } catch {
            throw SigningError(error)
        }
    }
}

/// Why there is no PIN.
public struct PINError: Error, Sendable, Equatable {
    public let reason: String

    public init(_ reason: String) { self.reason = reason }
}

extension PKCS11KeyStore: CustomStringConvertible {
    public var description: String { "token '\(token)'" }

    var keyDescription: String {
        let id = keyID.map { "id " + $0.hexadecimal }
        return "key " + [keyLabel.map { "'\($0)'" }, id].compactMap(\.self).joined(separator: " with ")
    }
}

extension SigningError {
    init(_ error: PKCS11Error) { self = error.isFinal ? .refused("\(error)") : .unavailable("\(error)") }
}
