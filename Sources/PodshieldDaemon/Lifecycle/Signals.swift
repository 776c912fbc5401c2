import Dispatch
import Glibc
import LinuxBinding

/// What the service manager or an operator tells the daemon by signal.
enum DaemonSignal: Sendable {
    /// SIGTERM, SIGINT.
    case stop
    /// SIGHUP.
    case reload
}

/// Takes the signals over from the process's defaults, for as long as the process lives.
enum Signals {
    /// Whoever tells the daemon to end while it begins is heard: a dispatch source of signals would not hear what comes before it is
    /// watched, which takes its time on a machine that is busy.
    static func stream() throws(StartError) -> AsyncStream<DaemonSignal> {
        // A peer that has gone is an error of the write, not our end.
        _ = signal(SIGPIPE, SIG_IGN)
        let pipe: SignalPipe
        do throws(SystemError) { pipe = try SignalPipe(taking: [SIGTERM, SIGINT, SIGHUP]) } catch {
            throw .system(error)
        }
        let (stream, continuation) = AsyncStream.makeStream(of: DaemonSignal.self, bufferingPolicy: .bufferingNewest(8))
        let source = DispatchSource.makeReadSource(
            fileDescriptor: pipe.descriptor, queue: DispatchQueue(label: "podshield.signals"))
        source.setEventHandler {
            for number in pipe.read() { continuation.yield(number == SIGHUP ? .reload : .stop) }
        }
        source.activate()
        nonisolated(unsafe) let kept = source
        continuation.onTermination = { _ in unsafe kept.cancel() }
        return stream
    }
}
