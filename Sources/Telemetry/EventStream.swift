/// What an observer reads.
public struct EventStream: AsyncSequence, Sendable {
    let past: [RecordedEvent]
    let stream: AsyncStream<RecordedEvent>
    /// Number of the first event after the past.
    let first: UInt64

    /// Events kept for a reader that is late.
    static let bufferLimit = 1024

    public func makeAsyncIterator() -> Iterator {
        Iterator(past: past[...], live: stream.makeAsyncIterator(), expected: first)
    }

    public struct Iterator: AsyncIteratorProtocol {
        var past: ArraySlice<RecordedEvent>
        var live: AsyncStream<RecordedEvent>.Iterator
        /// Numbers have no gaps but those of events that were dropped from the buffer.
        var expected: UInt64
        var held: RecordedEvent?

        public mutating func next() async -> RecordedEvent? {
            if let event = past.popFirst() { return event }
            if let event = held {
                held = nil
                return event
            }
            guard let event = await live.next() else { return nil }
            defer { expected = event.number + 1 }
            guard event.number != expected else { return event }
            held = event
            return RecordedEvent(
                number: event.number - 1, time: event.time, event: .observationGap(lost: event.number - expected))
        }
    }
}
