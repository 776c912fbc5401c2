package import Addressing
package import NIOCore
internal import Synchronization

/// Limits what strangers may begin: connections of which nobody knows yet whether they are wanted, in all and from one source,
/// and how fast new ones may come from one source. A source is what one holder is sure to have (`IPAddress.site`).
package final class AdmissionControl: Sendable {
    package enum Verdict: Equatable {
        case admitted
        /// `isFirst` since the source was last within its limits.
        case refused(isFirst: Bool)
    }

    private struct Source {
        var pending = 0
        var tokens: Double
        var refilled: NIODeadline
        var isReported = false
    }

    private struct State {
        var pending = 0
        var sources: [IPPrefix?: Source] = [:]
    }

    /// Sources that are remembered for their rate; beyond it those at rest are forgotten.
    private static let limit = 4096

    private let limits: AdmissionLimits
    private let state = Mutex(State())

    package init(_ limits: AdmissionLimits) { self.limits = limits }

    /// - Parameter site: nil where the connection does not say where it comes from.
    package func admit(_ site: IPPrefix?, at now: NIODeadline) -> Verdict {
        state.withLock { state in
            var source = state.sources[site] ?? Source(tokens: Double(limits.burstPerSource), refilled: now)
            refill(&source, now)
            defer {
                state.sources[site] = source
                if state.sources.count > Self.limit { forgetIdle(&state, now) }
            }
            guard state.pending < limits.pending, source.pending < limits.pendingPerSource, source.tokens >= 1 else {
                defer { source.isReported = true }
                return .refused(isFirst: !source.isReported)
            }
            source.isReported = false
            source.tokens -= 1
            source.pending += 1
            state.pending += 1
            return .admitted
        }
    }

    /// An admitted connection is known to be wanted, or has gone.
    package func release(_ site: IPPrefix?) {
        state.withLock { state in
            state.pending -= 1
            state.sources[site]?.pending -= 1
        }
    }

    /// Sources that are not at rest.
    package var remembered: Int { state.withLock { $0.sources.count } }

    private func refill(_ source: inout Source, _ now: NIODeadline) {
        let seconds = Double((now - min(now, source.refilled)).nanoseconds) / 1e9
        source.tokens = min(Double(limits.burstPerSource), source.tokens + seconds * limits.ratePerSource)
        source.refilled = now
    }

    private func forgetIdle(_ state: inout State, _ now: NIODeadline) {
        let full = Double(limits.burstPerSource)
        state.sources = state.sources.filter { _, source in
            var source = source
            refill(&source, now)
            return source.pending > 0 || source.tokens < full
        }
    }
}
