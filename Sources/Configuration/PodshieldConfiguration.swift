public import Addressing
public import Identity

/// What the configuration file says, checked: values are in range, sections fit the role, paths are absolute.
public struct PodshieldConfiguration: Sendable, Equatable {
    public var role: Role
    public var trustDomain: TrustDomain
    /// Distinguishes daemons of one machine: 1 to 64 letters, digits, `-`, `_`. Every path derives from it unless it is set.
    public var instance: String
    public var logLevel: LogLevel
    /// The prefixes that hold pods, all of them. Never empty for a node that is not permissive.
    public var protected: [IPPrefix]
    public var paths: Paths

    public static let defaultPath = "/etc/podshield/config.yaml"

    /// What this daemon is, with the settings that only such a daemon has.
    public enum Role: Sendable, Equatable {
        /// Authority and node in one process.
        case standalone(Node, Authority)
        case authority(Authority)
        case node(Node, Join)
    }
}

extension PodshieldConfiguration.Role {
    var node: PodshieldConfiguration.Node? {
        switch self {
        case .standalone(let node, _), .node(let node, _): node
        case .authority: nil
        }
    }
}

extension PodshieldConfiguration {
    /// Nil on a pure authority.
    public var node: Node? { role.node }

    /// Nil on a pure node.
    public var authority: Authority? {
        switch role {
        case .standalone(_, let authority), .authority(let authority): authority
        case .node: nil
        }
    }

    /// Nil unless the authority is another daemon.
    public var join: Join? {
        if case .node(_, let join) = role { join } else { nil }
    }
}

/// The least important events that are reported; `priority` is that of syslog(3).
public enum LogLevel: String, Sendable, CaseIterable {
    case error
    case warning
    case notice
    case info
    case debug

    public var priority: Int {
        switch self {
        case .error: 3
        case .warning: 4
        case .notice: 5
        case .info: 6
        case .debug: 7
        }
    }
}
