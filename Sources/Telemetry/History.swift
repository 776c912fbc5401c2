/// The newest events, so many at most.
struct History {
    private let limit: Int
    /// A ring: the slot of number n is (n - 1) modulo the limit.
    private var ring: [RecordedEvent] = []
    /// Number of the event that comes next.
    private(set) var next: UInt64 = 1

    init(limit: Int) {
        precondition(limit > 0)
        self.limit = limit
    }

    mutating func append(_ event: Event, time: Int64) -> RecordedEvent {
        let recorded = RecordedEvent(number: next, time: time, event: event)
        if ring.count < limit { ring.append(recorded) } else { ring[slot(of: next)] = recorded }
        next += 1
        return recorded
    }

    func suffix(_ count: Int) -> [RecordedEvent] {
        let first = next - UInt64(min(max(0, count), ring.count))
        return (first..<next).map { ring[slot(of: $0)] }
    }

    private func slot(of number: UInt64) -> Int { Int((number - 1) % UInt64(limit)) }
}
