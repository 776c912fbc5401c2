public import Configuration
import FoundationEssentials
import LinuxBinding
public import Telemetry

/// Why the daemon did not start or ended, kept beside its admin socket until it starts well: what only the authority or the
/// kernel could say, nobody finds out by looking.
public struct LastFailure: Sendable, Equatable, Codable {
    /// Seconds since 1970.
    public let time: Int64
    public let obstacles: [Finding]

    public struct Finding: Sendable, Equatable, Codable {
        public let code: String
        public let message: String
    }

    public init(_ events: [Event], time: Int64) {
        self.time = time
        obstacles = events.map { Finding(code: $0.kind.code, message: $0.message) }
    }

    /// Nil when there was none, or none that can be read.
    public init?(of paths: PodshieldConfiguration.Paths) {
        guard let bytes = try? AtomicFile.read(Self.path(paths)),
            let failure = try? JSONDecoder().decode(Self.self, from: Data(bytes))
        else { return nil }
        self = failure
    }

    /// What cannot be written here has been said elsewhere.
    public func save(_ paths: PodshieldConfiguration.Paths) {
        guard let text = try? JSONEncoder().encode(self) else { return }
        try? AtomicFile.write(Array(text), to: Self.path(paths), mode: 0o600)
    }

    public static func forget(_ paths: PodshieldConfiguration.Paths) { try? AtomicFile.remove(path(paths)) }

    private static func path(_ paths: PodshieldConfiguration.Paths) -> String { paths.run + "/last-failure.json" }
}
