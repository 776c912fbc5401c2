extension Event {
    /// The daemon does not start, or ends: one event for each thing that is against it.
    ///
    /// - Parameter kind: one of 6nnn, or `notJoined`.
    public static func notStarted(_ kind: EventKind, reason: String) -> Event {
        Event(kind, reason, [.reason: reason])
    }
}
