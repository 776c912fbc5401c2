/// What is left of a rate: holds `burst` tokens when it is full, and fills at `perSecond`. Times are the caller's; one that
/// goes back fills nothing.
package struct TokenBucket: Sendable {
    private let rate: Rate
    private var tokens: Double
    private var filledAt: ContinuousClock.Instant

    /// A full one.
    package init(_ rate: Rate, at now: ContinuousClock.Instant) {
        self.rate = rate
        tokens = rate.burst
        filledAt = now
    }

    /// Whether there is a token.
    package func hasToken(at now: ContinuousClock.Instant) -> Bool { level(at: now) >= 1 }

    /// Whether it is like one that was never taken from.
    package func isFull(at now: ContinuousClock.Instant) -> Bool { level(at: now) >= rate.burst }

    /// Takes a token, if there is one.
    package mutating func take(at now: ContinuousClock.Instant) -> Bool {
        let level = level(at: now)
        guard level >= 1 else { return false }
        tokens = level - 1
        filledAt = max(filledAt, now)
        return true
    }

    /// Takes a token as soon as there is one.
    package mutating func takeNext() async throws {
        while !take(at: .now) {
            try await Task.sleep(for: .seconds((1 - level(at: .now)) / rate.perSecond))
        }
    }

    private func level(at now: ContinuousClock.Instant) -> Double {
        let passed = max(now - filledAt, .zero)
        return min(rate.burst, tokens + passed / .seconds(1) * rate.perSecond)
    }
}
