internal import FoundationEssentials
internal import Glibc

/// Data goes to standard output, everything else to standard error.
public struct Console: Sendable {
    let writeOutput: @Sendable (String) -> Void
    let writeMessage: @Sendable (String) -> Void
    /// Whether output is looked at by a person.
    let hasColours: Bool

    public init(
        output: @escaping @Sendable (String) -> Void, message: @escaping @Sendable (String) -> Void,
        hasColours: Bool = false
    ) {
        writeOutput = output
        writeMessage = message
        self.hasColours = hasColours
    }

    /// The process's own. Colours only on a terminal, and not when `NO_COLOR` is set (no-color.org).
    public static var standard: Console {
        let environment = ProcessInfo.processInfo.environment
        let isPlain = environment["TERM"] == "dumb" || environment["NO_COLOR"].map { !$0.isEmpty } ?? false
        return Console(
            output: { writeAll($0, STDOUT_FILENO) }, message: { writeAll($0, STDERR_FILENO) },
            hasColours: isatty(STDOUT_FILENO) == 1 && !isPlain)
    }

    func print(_ line: String) { writeOutput(line + "\n") }

    func print(_ lines: [String]) { lines.forEach(print) }

    func report(_ message: String) { writeMessage("psid: \(message)\n") }

    private static func writeAll(_ text: String, _ descriptor: Int32) {
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress! + written, bytes.count - written)
            }
            if count < 0, errno == EINTR { continue }
            // Whoever read has gone, as `head` does: as good as SIGPIPE, which the network library has turned off.
            guard count > 0 else { Glibc.exit(128 + SIGPIPE) }
            written += count
        }
    }
}

/// What a word on the terminal is painted for.
enum Paint: String {
    case good = "32"
    case bad = "31"
    case doubtful = "33"
}

extension Console {
    func painted(_ text: String, _ paint: Paint) -> String {
        hasColours ? "\u{1b}[\(paint.rawValue)m\(text)\u{1b}[0m" : text
    }
}
