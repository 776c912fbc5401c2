internal import KeyAgreement
internal import Synchronization

/// Limits what strangers may begin: connections without a confirmed epoch, in all and from one address, and how fast new ones
/// may come from one address.
final class AdmissionControl: Sendable {
    enum Verdict: Equatable {
        case admitted
        /// `isFirst` since the source was last within its limits.
        case refused(isFirst: Bool)
    }

    private struct Source {
        var pending = 0
        var tokens: Double
        var refilled: BootNanoseconds
        var isReported = false
    }

    private struct State {
        var pending = 0
        var sources: [String: Source] = [:]
    }

    /// Sources that are remembered for their rate; beyond it those at rest are forgotten.
    private static let limit = 4096

    private let limits: NodeLinkLimits
    private let state = Mutex(State())

    init(_ limits: NodeLinkLimits) { self.limits = limits }

    func admit(_ name: String, at now: BootNanoseconds) -> Verdict {
        state.withLock { state in
            var source = state.sources[name] ?? Source(tokens: Double(limits.burstPerSource), refilled: now)
            refill(&source, now)
            defer {
                state.sources[name] = source
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

    /// An admitted connection has confirmed its epoch, or has gone.
    func release(_ name: String) {
        state.withLock { state in
            state.pending -= 1
            state.sources[name]?.pending -= 1
        }
    }

    /// Sources that are not at rest.
    var remembered: Int { state.withLock { $0.sources.count } }

    private func refill(_ source: inout Source, _ now: BootNanoseconds) {
        let seconds = Double(now - min(now, source.refilled)) / 1e9
        source.tokens = min(Double(limits.burstPerSource), source.tokens + seconds * limits.ratePerSource)
        source.refilled = now
    }

    private func forgetIdle(_ state: inout State, _ now: BootNanoseconds) {
        let full = Double(limits.burstPerSource)
        state.sources = state.sources.filter { _, source in
            var source = source
            refill(&source, now)
            return source.pending > 0 || source.tokens < full
        }
    }
}
