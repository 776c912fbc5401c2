import RateLimiting
import Testing

@Suite struct TokenBucketTests {
    private let start = ContinuousClock.now

    private func taken(_ bucket: inout TokenBucket, of tries: Int, at time: ContinuousClock.Instant) -> Int {
        (0..<tries).count { _ in bucket.take(at: time) }
    }

    @Test func emptiesAndFills() {
        var bucket = TokenBucket(Rate(burst: 3, perSecond: 2), at: start)
        #expect(bucket.isFull(at: start))
        #expect(taken(&bucket, of: 9, at: start) == 3)
        #expect(!bucket.hasToken(at: start + .milliseconds(499)))
        #expect(bucket.hasToken(at: start + .milliseconds(500)))
        #expect(taken(&bucket, of: 9, at: start + .milliseconds(500)) == 1)
        #expect(!bucket.isFull(at: start + .milliseconds(1999)) && bucket.isFull(at: start + .seconds(2)))
    }

    @Test func theNextTokenIsWaitedFor() async throws {
        let begun = ContinuousClock.now
        var bucket = TokenBucket(Rate(burst: 2, perSecond: 20), at: begun)
        for _ in 0..<4 { try await bucket.takeNext() }
        #expect(ContinuousClock.now - begun >= .milliseconds(99))
        #expect(!bucket.isFull(at: begun))
        let waiting = Task { [bucket] in
            var slow = bucket
            while true { try await slow.takeNext() }
        }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
    }

    @Test func nothingIsSavedBeyondTheBurst() {
        var bucket = TokenBucket(Rate(burst: 3, perSecond: 2), at: start)
        #expect(taken(&bucket, of: 9, at: start + .seconds(3600)) == 3)
        #expect(taken(&bucket, of: 9, at: start + .seconds(7200)) == 3)
    }

    @Test func tokensAddUpOverManyRefusals() {
        var bucket = TokenBucket(Rate(burst: 1, perSecond: 0.1), at: start)
        let taken = (0...1000).count { bucket.take(at: start + .milliseconds(100 * $0)) }
        #expect((10...11).contains(taken))
    }

    @Test func aClockThatGoesBackGivesNothing() {
        var bucket = TokenBucket(Rate(burst: 2, perSecond: 1), at: start + .seconds(10))
        #expect(taken(&bucket, of: 9, at: start + .seconds(10)) == 2)
        #expect(taken(&bucket, of: 9, at: start) == 0)
        #expect(taken(&bucket, of: 9, at: start + .seconds(11)) == 1)
        // Nor does the same second fill it twice.
        #expect(taken(&bucket, of: 9, at: start + .seconds(5)) == 0)
        #expect(taken(&bucket, of: 9, at: start + .seconds(11)) == 0)
    }
}
