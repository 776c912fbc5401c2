public import OpenSSLBinding
internal import PrintableText

/// What a node needs to join.
public struct Invitation: Sendable, Equatable {
    /// Good for one join; not kept by the authority.
    public let token: String
    /// `host:port`
    public let authorityAddress: String
    /// SHA-256 of the root certificate, lower-case hexadecimal.
    public let rootFingerprint: String
    /// Seconds since 1970.
    public let expiresAt: Int64
    /// The name the node will get; nil to let it choose.
    public let node: String?

    public static let defaultLifetime = Duration.seconds(600)
    static let longestLifetime: Int64 = 7 * 86400
}

public enum InvitationError: Error, Sendable, Equatable {
    case badNodeName(String)
    /// Below a second or above a week.
    case badLifetime
    case openSSL(OpenSSLError)
    case registry(RegistryError)
}

extension InvitationError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .badNodeName(let name): "\(name.quoted) is no name for a node"
        case .badLifetime: "a token lives between a second and a week"
        case .openSSL(let error): "\(error)"
        case .registry(let error): "\(error)"
        }
    }
}
