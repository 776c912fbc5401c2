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
}

/// For whom an invitation is, and for how long. A value exists only checked.
public struct InvitationTerms: Sendable, Equatable {
    /// The name the node will get; nil to let it choose one that is free.
    public let node: String?
    /// At least a second, and a week at most.
    public let lifetime: Duration

    private static let longestLifetime: Int64 = 7 * 86400

    public init(
        node: String? = nil, lifetime: Duration = Invitation.defaultLifetime
    ) throws(InvitationError) {
        if let node, !AuthorityCore.isNodeName(node) { throw .badNodeName(node) }
        guard (1...Self.longestLifetime).contains(lifetime.components.seconds) else { throw .badLifetime }
        self.node = node
        self.lifetime = lifetime
    }
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
