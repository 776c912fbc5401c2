internal import Synchronization

/// Token buckets by caller: how often one may call.
final class CallBudget: Sendable {
    private struct Bucket {
        var calls: Double
        var filledAt: ContinuousClock.Instant
    }

    private let budget: AuthorityLimits.Budget
    private let buckets = Mutex<[String: Bucket]>([:])

    /// Callers remembered at one time. Beyond it newcomers share one bucket.
    private static let mostCallers = 16384

    init(_ budget: AuthorityLimits.Budget) { self.budget = budget }

    /// Takes one call out of the caller's bucket, if it is not empty.
    func spend(_ caller: String, at now: ContinuousClock.Instant = .now) -> Bool {
        buckets.withLock { buckets in
            if buckets[caller] == nil, buckets.count >= Self.mostCallers {
                buckets = buckets.filter { level($0.value, at: now) < budget.burst }
            }
            let key = buckets[caller] == nil && buckets.count >= Self.mostCallers ? "" : caller
            let calls = buckets[key].map { level($0, at: now) } ?? budget.burst
            guard calls >= 1 else { return false }
            buckets[key] = Bucket(calls: calls - 1, filledAt: now)
            return true
        }
    }

    private func level(_ bucket: Bucket, at now: ContinuousClock.Instant) -> Double {
        let passed = now - bucket.filledAt
        return min(budget.burst, bucket.calls + passed / .seconds(1) * budget.perSecond)
    }
}
