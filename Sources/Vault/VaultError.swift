internal import HTTPSClient
internal import OpenSSLBinding

/// Why Vault did not do what it was asked.
package enum VaultError: Error, Sendable, Equatable {
    /// It cannot be reached, or breaks off.
    case unreachable(String)
    case timedOut
    case untrusted(String)
    case badAnswer(String)
    /// A status other than success, with what it said.
    case status(Int, [String])
    case credentials(String)
    /// A role and secret ID that Vault does not take.
    case loginRefused([String])
    case noKey(String)
    case exportable(String)
    case otherKey(String)
    case unsuitable(String, reason: String)
}

extension VaultError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreachable(let reason): "Vault cannot be reached: \(reason)"
        case .timedOut: "Vault does not answer in time"
        case .untrusted(let reason): "the server is not the Vault that is trusted: \(reason)"
        case .badAnswer(let reason): "Vault's answer makes no sense: \(reason)"
        case .status(503, let errors): Self.sentence("Vault is sealed or not ready (503)", errors)
        case .status(403, let errors): Self.sentence("Vault does not let the daemon in (403)", errors)
        case .status(let status, let errors): Self.sentence("Vault refused with status \(status)", errors)
        case .credentials(let reason): "the credentials for Vault cannot be had: \(reason)"
        case .loginRefused(let errors): Self.sentence("Vault does not take the role and secret ID", errors)
        case .noKey(let name): "Vault has no key '\(name)'"
        case .exportable(let name): "key '\(name)' may leave Vault: it is exportable, or can be backed up in plain text"
        case .otherKey(let name): "no version of key '\(name)' is the key of the CA's certificate"
        case .unsuitable(let name, let reason): "key '\(name)' cannot be used: \(reason)"
        }
    }

    private static func sentence(_ head: String, _ errors: [String]) -> String {
        errors.isEmpty ? head : "\(head): \(errors.joined(separator: "; "))"
    }

    /// Whether it stays so until somebody changes something.
    private var isFinal: Bool {
        switch self {
        case .exportable, .loginRefused, .otherKey, .unsuitable: true
        default: false
        }
    }

    var asSigningError: SigningError { isFinal ? .refused("\(self)") : .unavailable("\(self)") }

    init(_ error: OpenSSLError) { self = .unreachable("\(error)") }

    init(_ error: HTTPSError) {
        switch error {
        case .unreachable(let reason): self = .unreachable(reason)
        case .timedOut: self = .timedOut
        case .untrusted(let reason): self = .untrusted(reason)
        case .badAnswer(let reason): self = .badAnswer(reason)
        }
    }
}
