/// Since when things are seen to have ended, by a clock that nobody sets: the one that says so may be wrong.
struct SeenEnded {
    private var since: [String: ContinuousClock.Instant] = [:]

    /// Whose end was a mistake of the clock begins anew.
    mutating func keepOnly(_ ended: some Sequence<String>) {
        let ended = Set(ended)
        since = since.filter { ended.contains($0.key) }
    }

    /// Whether one that has ended was seen so for long enough; who asks for the first time has seen it only now.
    mutating func isOver(_ name: String, after grace: Duration) -> Bool {
        let seen = since[name] ?? .now
        since[name] = seen
        return seen.duration(to: .now) >= grace
    }
}
