public import Telemetry

/// Something that keeps a daemon from starting or from its work, or deserves attention.
public struct Obstacle: Sendable, Equatable {
    public let kind: EventKind
    /// One sentence, no period: what and where.
    public let message: String
    /// Whether the daemon cannot do its work, rather than deserving attention.
    public let isError: Bool
    /// What to do about it.
    public let remedy: String

    public init(_ kind: EventKind, _ message: String, isError: Bool = true, remedy: String? = nil) {
        self.kind = kind
        self.message = message
        self.isError = isError
        self.remedy = remedy ?? kind.remedy ?? "journalctl -u podshield-idd says more"
    }
}
