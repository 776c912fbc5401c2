/// One thing that is wrong with a configuration file, and where.
public struct ConfigurationProblem: Sendable, Hashable {
    public let file: String
    /// From 1; nil when it is about the file as a whole.
    public let position: Position?
    /// One sentence, no period. Never a secret.
    public let message: String

    public struct Position: Sendable, Hashable, Comparable {
        public let line: Int
        public let column: Int

        public static func < (a: Self, b: Self) -> Bool { (a.line, a.column) < (b.line, b.column) }
    }
}

extension ConfigurationProblem: CustomStringConvertible {
    /// `file:line:column: message`
    public var description: String {
        guard let position else { return "\(file): \(message)" }
        return "\(file):\(position.line):\(position.column): \(message)"
    }
}

/// Everything that keeps a file from being used, in the order of its lines; what is missing comes first.
public struct ConfigurationError: Error, Sendable, Equatable {
    public let problems: [ConfigurationProblem]
    /// Nothing is known to be wrong with the file: this user may not read it.
    public internal(set) var isDenied = false
}

extension ConfigurationError: CustomStringConvertible {
    /// One line a problem.
    public var description: String { problems.map(\.description).joined(separator: "\n") }
}
