/// Those who are told that there may be something new. Part of an actor.
struct Watchers {
    private var continuations: [UInt64: AsyncStream<Void>.Continuation] = [:]
    private var next: UInt64 = 0
    private(set) var isClosed = false

    /// Yields at once, and with each signal; ends with `unwatch` and `close`.
    mutating func watch() -> (id: UInt64, signals: AsyncStream<Void>) {
        let (signals, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = next
        next += 1
        if isClosed {
            continuation.finish()
        } else {
            continuations[id] = continuation
            continuation.yield()
        }
        return (id, signals)
    }

    mutating func unwatch(_ id: UInt64) { continuations.removeValue(forKey: id)?.finish() }

    func signal() {
        for continuation in continuations.values { continuation.yield() }
    }

    mutating func close() {
        isClosed = true
        for continuation in continuations.values { continuation.finish() }
        continuations = [:]
    }
}
