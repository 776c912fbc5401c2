internal import CPKCS11

/// Why a token did not do what it was asked.
enum PKCS11Error: Error, Sendable, Equatable {
    case module(path: String, reason: String)
    /// A function that did not return CKR_OK.
    case call(String, code: UInt)
    case noToken(label: String)
    case severalTokens(label: String)
    /// Logging in could lock the token, or cannot help.
    case pinLocked(label: String)
    case finalTry(label: String)
    case pinUnreadable(String)
    case noKey(String)
    case severalKeys(String, count: Int)
    case exportable(String)
    case unsuitable(String, reason: String)
    case otherKey(String)
}

extension PKCS11Error: CustomStringConvertible {
    var description: String {
        switch self {
        case .module(let path, let reason): "the module \(path) cannot be used: \(reason)"
        case .call(let function, let code): "\(function) failed with \(Self.name(code))"
        case .noToken(let label): "there is no token '\(label)'"
        case .severalTokens(let label): "several tokens are called '\(label)'"
        case .pinLocked(let label): "the PIN of token '\(label)' is locked"
        case .finalTry(let label):
            "token '\(label)' is locked after one more wrong PIN; log in with another program first"
        case .pinUnreadable(let reason): "the PIN cannot be had: \(reason)"
        case .noKey(let key): "there is no \(key)"
        case .severalKeys(let key, let count): "there are \(count) of \(key); give its key-id"
        case .exportable(let key): "\(key) may leave the token: it is not sensitive, or is extractable"
        case .unsuitable(let key, let reason): "\(key) cannot be used: \(reason)"
        case .otherKey(let key): "\(key) is not the key of the CA's certificate"
        }
    }

    private static func name(_ code: UInt) -> String {
        switch code {
        case CKR_PIN_INCORRECT: "CKR_PIN_INCORRECT: the PIN is wrong"
        case CKR_PIN_LOCKED: "CKR_PIN_LOCKED: the PIN is locked"
        case CKR_PIN_EXPIRED: "CKR_PIN_EXPIRED: the PIN has expired"
        case CKR_PIN_INVALID, CKR_PIN_LEN_RANGE: "CKR_PIN_INVALID: the PIN is wrong"
        case CKR_TOKEN_NOT_PRESENT: "CKR_TOKEN_NOT_PRESENT: the token is gone"
        case CKR_DEVICE_REMOVED: "CKR_DEVICE_REMOVED: the token is gone"
        case CKR_DEVICE_ERROR: "CKR_DEVICE_ERROR: the token is not well"
        case CKR_SESSION_HANDLE_INVALID: "CKR_SESSION_HANDLE_INVALID: the session is lost"
        case CKR_SESSION_CLOSED: "CKR_SESSION_CLOSED: the session is lost"
        case CKR_USER_NOT_LOGGED_IN: "CKR_USER_NOT_LOGGED_IN"
        case CKR_TOKEN_WRITE_PROTECTED: "CKR_TOKEN_WRITE_PROTECTED: the token takes no new key"
        case CKR_MECHANISM_INVALID: "CKR_MECHANISM_INVALID: the token cannot sign this way"
        case CKR_KEY_FUNCTION_NOT_PERMITTED: "CKR_KEY_FUNCTION_NOT_PERMITTED: the key may not sign"
        default: "error 0x\(String(code, radix: 16))"
        }
    }

    /// Whether trying again changes nothing, or could lock the token.
    var isFinal: Bool {
        switch self {
        case .call(_, let code): Self.pinCodes.contains(code)
        case .module, .noToken, .pinUnreadable, .noKey: false
        case .severalTokens, .pinLocked, .finalTry, .severalKeys, .exportable, .unsuitable, .otherKey: true
        }
    }

    private static let pinCodes: Set<UInt> = [
        CKR_PIN_INCORRECT, CKR_PIN_LOCKED, CKR_PIN_EXPIRED, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE,
    ]
}
