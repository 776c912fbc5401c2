/// When something that may fail is done again: after ever longer pauses while it does.
struct Retry {
    private let rhythm: Duration
    private var failures = 0
    private var due = ContinuousClock.now

    static let longestPause = Duration.seconds(600)

    /// - Parameter rhythm: the pause after a success.
    init(rhythm: Duration) { self.rhythm = rhythm }

    var isDue: Bool { ContinuousClock.now >= due }

    mutating func succeeded() {
        failures = 0
        due = .now + rhythm
    }

    mutating func failed() {
        failures = min(failures + 1, 8)
        due = .now + min(rhythm * (1 << failures), Self.longestPause)
    }
}
