internal import Synchronization

/// Where every event goes: to the journal or standard error, into a bounded history, and to whoever observes.
public final class Telemetry: Sendable {
    private struct State {
        var history: History
        var tallies: [EventKind: Tally] = [:]
        var observers: [UInt64: AsyncStream<RecordedEvent>.Continuation] = [:]
        var nextObserver: UInt64 = 0
    }

    private let state: Mutex<State>
    private let output: EventOutput
    private let now: @Sendable () -> Int64

    /// - Parameters:
    ///   - level: the least important events that are written; observers get all.
    ///   - historyLimit: events kept for those who ask what happened before.
    ///   - now: nanoseconds since 1970.
    public init(
        _ destination: EventDestination, level: EventPriority = .info, historyLimit: Int = 1000,
        now: @escaping @Sendable () -> Int64
    ) {
        state = Mutex(State(history: History(limit: historyLimit)))
        output = EventOutput(destination, level: level)
        self.now = now
    }

    /// May be called from any thread; never waits for a reader or the journal.
    ///
    /// - Parameter time: nanoseconds since 1970 when it happened; nil for now.
    public func record(_ event: Event, at time: Int64? = nil) {
        let time = time ?? now()
        let recorded = state.withLock { state in
            let recorded = state.history.append(event, time: time)
            state.tallies[event.kind] = Tally(count: (state.tallies[event.kind]?.count ?? 0) + 1, last: recorded)
            for observer in state.observers.values { observer.yield(recorded) }
            return recorded
        }
        output.write(recorded)
    }

    /// The least important events that are written.
    public func setLevel(_ level: EventPriority) { output.setLevel(level) }

    /// Returns once everything recorded before has been written.
    public func flush() { output.flush() }

    /// Events of the past, the oldest first, at most `last` of them.
    public func history(last: Int) -> [RecordedEvent] { state.withLock { $0.history.suffix(last) } }

    /// What there was of a kind, if the last of it was no longer ago than this.
    public func tally(of kind: EventKind, within period: Duration) -> Tally? {
        guard let tally = state.withLock({ $0.tallies[kind] }) else { return nil }
        return Duration.nanoseconds(now() - tally.last.time) <= period ? tally : nil
    }

    /// The last events, then each as it happens, until the reader's task is cancelled. A reader that does not keep up loses
    /// the oldest and is told how many by an `observationGap`.
    public func observe(last: Int = 0) -> EventStream {
        let (stream, continuation) = AsyncStream.makeStream(
            of: RecordedEvent.self, bufferingPolicy: .bufferingNewest(EventStream.bufferLimit))
        let (id, past, next) = state.withLock { state in
            state.nextObserver += 1
            state.observers[state.nextObserver] = continuation
            return (state.nextObserver, state.history.suffix(last), state.history.next)
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.observers.removeValue(forKey: id) }
        }
        return EventStream(past: past, stream: stream, first: next)
    }
}
