internal import Dispatch
internal import Synchronization

/// Writes on a thread of its own, so that a slow journal delays nobody; what it cannot take in time is counted.
final class EventOutput: Sendable {
    private struct State {
        var level: EventPriority
        var waiting = 0
        var lost: UInt64 = 0
    }

    private let destination: EventDestination
    private let state: Mutex<State>
    private let queue = DispatchQueue(label: "podshield.telemetry")

    private static let waitingLimit = 4096

    init(_ destination: EventDestination, level: EventPriority) {
        self.destination = destination
        state = Mutex(State(level: level))
    }

    func setLevel(_ level: EventPriority) { state.withLock { $0.level = level } }

    func write(_ event: RecordedEvent) {
        guard admit(event.event) else { return }
        queue.async { [self] in
            destination.write(event)
            let lost = settle()
            if lost > 0 {
                destination.write(RecordedEvent(number: event.number, time: event.time, event: .reportsLost(lost)))
            }
        }
    }

    func flush() { queue.sync {} }

    private func admit(_ event: Event) -> Bool {
        state.withLock { state in
            guard event.kind.priority <= state.level else { return false }
            guard state.waiting < Self.waitingLimit else {
                state.lost += 1
                return false
            }
            state.waiting += 1
            return true
        }
    }

    /// One less waits; tells how many were lost since somebody was told.
    private func settle() -> UInt64 {
        state.withLock { state in
            state.waiting -= 1
            defer { state.lost = 0 }
            return state.lost
        }
    }
}
