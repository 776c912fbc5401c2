internal import OpenSSLBinding

/// What the authority above said when it was last asked, and when it is asked again: at each look at the schedule, and more and more
/// rarely while it does not answer or does not sign.
struct UpstreamInquiry {
    /// Its root. Nil until it has answered once.
    private(set) var root: Certificate?
    /// Why no CA can be had of it now.
    private(set) var failure: SuccessionError?
    private var failures = 0
    private var askAgainAt = ContinuousClock.now

    var isDue: Bool { ContinuousClock.now >= askAgainAt }

    mutating func answered(_ root: Certificate) { self.root = root }

    /// How it went when it was due: `pause` is the time between two looks.
    mutating func note(_ failure: SuccessionError?, pause: Duration) {
        self.failure = failure
        failures = failure == nil ? 0 : min(failures + 1, 16)
        // The first time it may have been for a moment only.
        askAgainAt = failures > 1 ? .now + min(pause * (1 << failures), Retry.longestPause) : .now
    }
}
