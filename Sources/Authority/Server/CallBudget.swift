internal import RateLimiting
internal import Synchronization

/// How often each caller may call.
final class CallBudget: Sendable {
    private let rate: Rate
    private let buckets = Mutex<[String: TokenBucket]>([:])

    /// Callers remembered at one time. Beyond it newcomers share one bucket.
    private static let mostCallers = 16384

    init(_ rate: Rate) { self.rate = rate }

    /// Takes one call out of the caller's bucket, if it is not empty.
    func spend(_ caller: String, at now: ContinuousClock.Instant = .now) -> Bool {
        buckets.withLock { buckets in
            if buckets[caller] == nil, buckets.count >= Self.mostCallers {
                buckets = buckets.filter { !$0.value.isFull(at: now) }
            }
            let key = buckets[caller] == nil && buckets.count >= Self.mostCallers ? "" : caller
            return buckets[key, default: TokenBucket(rate, at: now)].take(at: now)
        }
    }
}
