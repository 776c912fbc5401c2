package import Addressing
internal import RateLimiting
internal import Synchronization

/// Limits what may be begun: connections of which nobody knows yet whether they are wanted, and how fast new ones come; from
/// one source, and from all. Addresses of nodes are counted apart from all others, so that strangers cannot shut nodes out.
package final class AdmissionControl: Sendable {
    /// Who is counted together.
    package enum Source: Hashable, Sendable {
        /// The connection does not say where it comes from.
        case unknown
        /// What one stranger is sure to have (`IPAddress.site`).
        case site(IPPrefix)
        case node(IPAddress)
        /// Of this machine, at a Unix socket.
        case user(UInt32)
    }

    package enum Verdict: Equatable {
        /// Until `release` is told the same source.
        case admitted(Source)
        /// `isFirst` since the source, or all together, were last within their limits.
        case refused(isFirst: Bool)
    }

    /// What comes from one source, or from a pool.
    private struct Load {
        var pending = 0
        var bucket: TokenBucket
        var isReported = false

        func hasRoom(_ most: Int, at now: ContinuousClock.Instant) -> Bool {
            pending < most && bucket.hasToken(at: now)
        }

        mutating func admit(at now: ContinuousClock.Instant) {
            _ = bucket.take(at: now)
            pending += 1
            isReported = false
        }

        mutating func refuse() -> Verdict {
            defer { isReported = true }
            return .refused(isFirst: !isReported)
        }
    }

    private struct State {
        var nodes: Set<IPAddress> = []
        var ofStrangers: Load
        var ofNodes: Load
        var sources: [Source: Load] = [:]

        func source(of address: IPAddress?) -> Source {
            guard let address else { return .unknown }
            return nodes.contains(address) ? .node(address) : .site(address.site)
        }
    }

    /// Sources that are remembered; beyond it those at rest are forgotten.
    private static let limit = 4096

    private let limits: AdmissionLimits
    private let state: Mutex<State>

    package init(_ limits: AdmissionLimits, at now: ContinuousClock.Instant = .now) {
        self.limits = limits
        state = Mutex(
            State(
                ofStrangers: Load(bucket: TokenBucket(limits.strangers.rate, at: now)),
                ofNodes: Load(bucket: TokenBucket(limits.nodes.rate, at: now))))
    }

    /// The addresses that nodes are known to have; of other ones no more.
    package func know(_ nodes: Set<IPAddress>) { state.withLock { $0.nodes = nodes } }

    /// - Parameter address: nil where the connection does not say where it comes from.
    package func admit(_ address: IPAddress?, at now: ContinuousClock.Instant = .now) -> Verdict {
        state.withLock { admit($0.source(of: address), &$0, now) }
    }

    /// - Parameter user: who connected a Unix socket.
    package func admit(user: UInt32, at now: ContinuousClock.Instant = .now) -> Verdict {
        state.withLock { admit(.user(user), &$0, now) }
    }

    private func admit(_ source: Source, _ state: inout State, _ now: ContinuousClock.Instant) -> Verdict {
        let (pool, poolLimits) = pool(of: source)
        var load = state.sources[source] ?? Load(bucket: TokenBucket(limits.ratePerSource, at: now))
        guard load.hasRoom(limits.pendingPerSource, at: now) else {
            defer { state.sources[source] = load }
            return load.refuse()
        }
        // Who is refused on others' account is not remembered, so that memory too has the pools' limits.
        guard state[keyPath: pool].hasRoom(poolLimits.pending, at: now) else {
            return state[keyPath: pool].refuse()
        }
        load.admit(at: now)
        state[keyPath: pool].admit(at: now)
        state.sources[source] = load
        if state.sources.count > Self.limit { forgetIdle(&state, now) }
        return .admitted(source)
    }

    /// An admitted connection is known to be wanted, or has gone.
    package func release(_ source: Source) {
        state.withLock { state in
            state[keyPath: pool(of: source).load].pending -= 1
            state.sources[source]?.pending -= 1
        }
    }

    /// Sources that are not at rest.
    package var remembered: Int { state.withLock { $0.sources.count } }

    private func pool(of source: Source) -> (load: WritableKeyPath<State, Load>, limits: AdmissionLimits.Pool) {
        if case .node = source { (\.ofNodes, limits.nodes) } else { (\.ofStrangers, limits.strangers) }
    }

    private func forgetIdle(_ state: inout State, _ now: ContinuousClock.Instant) {
        state.sources = state.sources.filter { $0.value.pending > 0 || !$0.value.bucket.isFull(at: now) }
    }
}
