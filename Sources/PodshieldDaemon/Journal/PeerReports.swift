import Identity
import NodeLink
import Synchronization
import Telemetry

/// How much another node can make this daemon say: of each kind so many events, then one a second. Who causes more is named
/// once, and again only after it has been quiet.
final class PeerReports: Sendable {
    private struct Cause: Hashable {
        let peer: String
        let kind: EventKind
    }

    fileprivate struct Bucket {
        var events: Double
        var filledAt: ContinuousClock.Instant
        var isEmptied = false
    }

    private let buckets = Mutex<[Cause: Bucket]>([:])

    static let burst = 128.0
    private static let perSecond = 1.0

    /// What a peer can cause as often as it likes. The others follow from what it has proved, once each.
    private static let limited: Set<EventKind> = [
        .linkEstablished, .linkLost, .linkFailed, .epochConfirmed, .epochFailed, .proofRefused, .ownProofRefused,
    ]

    /// What is to be said of it: the event, that there are too many, or nothing.
    func admitted(_ event: Event, at now: ContinuousClock.Instant = .now) -> Event? {
        guard Self.limited.contains(event.kind), let peer = event.fields[.peer] else { return event }
        return buckets.withLock { buckets in
            let cause = Cause(peer: peer, kind: event.kind)
            var bucket = buckets[cause] ?? Bucket(events: Self.burst, filledAt: now)
            bucket.fill(at: now, to: Self.burst, perSecond: Self.perSecond)
            defer { buckets[cause] = bucket }
            if bucket.events >= 1 {
                bucket.events -= 1
                return event
            }
            guard !bucket.isEmptied else { return nil }
            bucket.isEmptied = true
            return .peerNoisy(peer: peer, about: event.kind)
        }
    }

    /// Peers that cause too much now, and what.
    func noisy(at now: ContinuousClock.Instant = .now) -> [(peer: String, kind: EventKind)] {
        buckets.withLock { buckets in
            for cause in buckets.keys { buckets[cause]?.fill(at: now, to: Self.burst, perSecond: Self.perSecond) }
            return buckets.filter(\.value.isEmptied).keys.map { ($0.peer, $0.kind) }
                .sorted { ($0.peer, $0.kind.code) < ($1.peer, $1.kind.code) }
        }
    }
}

extension PeerReports.Bucket {
    fileprivate mutating func fill(at now: ContinuousClock.Instant, to burst: Double, perSecond: Double) {
        events = min(burst, events + (now - filledAt) / .seconds(1) * perSecond)
        filledAt = now
        if events == burst { isEmptied = false }
    }
}
