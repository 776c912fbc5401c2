import Dispatch
import Glibc

/// What the service manager or an operator tells the daemon by signal.
enum DaemonSignal: Sendable {
    /// SIGTERM, SIGINT.
    case stop
    /// SIGHUP.
    case reload
}

/// Takes the signals over from the process's defaults, for as long as the process lives.
enum Signals {
    static func stream() -> AsyncStream<DaemonSignal> {
        // A peer that has gone is an error of the write, not our end.
        _ = signal(SIGPIPE, SIG_IGN)
        let (stream, continuation) = AsyncStream.makeStream(of: DaemonSignal.self, bufferingPolicy: .bufferingNewest(8))
        let queue = DispatchQueue(label: "podshield.signals")
        let sources = [(SIGTERM, DaemonSignal.stop), (SIGINT, .stop), (SIGHUP, .reload)].map { number, meaning in
            _ = signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { continuation.yield(meaning) }
            source.activate()
            return source
        }
        nonisolated(unsafe) let kept = sources
        continuation.onTermination = { _ in
            for source in unsafe kept { source.cancel() }
        }
        return stream
    }
}
