/// How much there was of one kind of event since the start.
public struct Tally: Sendable, Equatable {
    /// At least 1. What was left out of the journal is not counted.
    public let count: UInt64
    public let last: RecordedEvent
}
