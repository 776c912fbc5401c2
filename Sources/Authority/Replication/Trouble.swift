internal import Synchronization

/// What keeps a registry from going with the others: what the log answers, or what came of following it. Tells each once.
final class Trouble: Sendable {
    private struct State {
        var following: RegistryError?
        var told: RegistryError?
    }

    private let log: MonitoredLog
    private let told: @Sendable (RegistryError?) -> Void
    private let state = Mutex(State())

    init(of log: MonitoredLog, _ told: @escaping @Sendable (RegistryError?) -> Void) {
        self.log = log
        self.told = told
    }

    /// Takes down how following went: nil for well.
    func note(_ failure: RegistryError?) {
        state.withLock { $0.following = failure }
        tell()
    }

    /// To be called when the log's trouble has become another.
    func tell() {
        state.withLock { state in
            // The log has its own memory of what it answers.
            if case .shared(.unreachable)? = state.following { state.following = nil }
            // A change that was refused is no news as long as there is worse.
            let now =
                log.silence.map(RegistryError.shared) ?? state.following ?? log.refusal.map(RegistryError.shared)
            guard now != state.told else { return }
            state.told = now
            told(now)
        }
    }
}
