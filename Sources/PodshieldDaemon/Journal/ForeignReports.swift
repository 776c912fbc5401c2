import Identity
import RateLimiting
import Synchronization
import Telemetry

/// How much others can make this daemon say: of each kind so many events, then few. A node that causes more is named once,
/// and again only after it has been quiet; of all that was left out the number is told.
final class ForeignReports: Sendable {
    struct Cause: Hashable {
        /// A node that has shown its certificate; nil for all others together.
        let peer: String?
        let kind: EventKind
    }

    private struct Tally {
        var bucket: TokenBucket
        var leftOut: UInt64 = 0
        var isNamed = false
    }

    private let telemetry: Telemetry
    private let tallies = Mutex<[Cause: Tally]>([:])

    static let ofPeer = Rate(burst: 128, perSecond: 1)
    /// A broker that begins anew has a call or two for each workload of the node, and who was given what is to be found later.
    static let ofBroker = Rate(burst: 2048, perSecond: 16)
    /// What one flood leaves of the history, and of the journal's own rate, is for everything else.
    static let ofStrangers = Rate(burst: 128, perSecond: 0.1)
    static let sumInterval = Duration.seconds(30)

    init(_ telemetry: Telemetry) { self.telemetry = telemetry }

    /// Tells the event as far as its cause may still be heard.
    func record(_ event: Event) {
        if let event = admitted(event) { telemetry.record(event) }
    }

    /// Tells how much was left out, from time to time and at the end.
    func tellSums() async {
        repeat {
            try? await Task.sleep(for: Self.sumInterval)
            for sum in sums() { telemetry.record(sum) }
        } while !Task.isCancelled
    }

    /// What is to be said of it: the event, that there are too many, or nothing.
    func admitted(_ event: Event, at now: ContinuousClock.Instant = .now) -> Event? {
        guard let cause = Cause(of: event) else { return event }
        return tallies.withLock { tallies in
            var tally = tallies[cause] ?? Tally(bucket: TokenBucket(cause.rate, at: now))
            defer { tallies[cause] = tally }
            if tally.bucket.isFull(at: now) { tally.isNamed = false }
            if tally.bucket.take(at: now) { return event }
            tally.leftOut += 1
            defer { tally.isNamed = true }
            return tally.isNamed ? nil : cause.peer.map { .peerNoisy(peer: $0, about: event.kind) }
        }
    }

    /// What was left out since this was asked last.
    func sums(at now: ContinuousClock.Instant = .now) -> [Event] {
        tallies.withLock { tallies in
            let silenced = tallies.filter { $0.value.leftOut > 0 }
            for cause in silenced.keys { tallies[cause]?.leftOut = 0 }
            tallies = tallies.filter { !$0.value.bucket.isFull(at: now) }
            return silenced.sorted { $0.key < $1.key }
                .map { .reportsLeftOut($0.value.leftOut, about: $0.key.kind, peer: $0.key.peer) }
        }
    }

    /// What causes too much now.
    func noisy(at now: ContinuousClock.Instant = .now) -> [Cause] {
        tallies.withLock { $0.filter { $0.value.isNamed && !$0.value.bucket.isFull(at: now) }.keys.sorted() }
    }
}

extension ForeignReports.Cause: Comparable {
    static func < (a: Self, b: Self) -> Bool { (a.peer ?? "", a.kind.code) < (b.peer ?? "", b.kind.code) }

    fileprivate var rate: Rate {
        if kind == .brokerServed { return ForeignReports.ofBroker }
        return peer == nil ? ForeignReports.ofStrangers : ForeignReports.ofPeer
    }

    /// Nil for what nobody else can cause as often as he likes: it is this daemon's own, or follows from what was proved,
    /// once each.
    fileprivate init?(of event: Event) {
        switch event.kind {
        case .linkEstablished, .linkLost, .linkFailed, .epochConfirmed, .epochFailed, .proofRefused, .ownProofRefused:
            self.init(peer: event.fields[.peer], kind: event.kind)
        case .linkRefused, .joinRefused, .workloadRefused, .secretRejected, .adminRefused, .brokerRefused:
            self.init(peer: nil, kind: event.kind)
        case .brokerDenied, .brokerServed, .downstreamRefused:
            self.init(peer: event.fields[.spiffeID], kind: event.kind)
        case .connectionRefused: self.init(peer: event.fields[.address].flatMap(Self.caller), kind: event.kind)
        case .callRefused, .directoryFull:
            self.init(peer: event.fields[.spiffeID].flatMap(Self.caller), kind: event.kind)
        case .leasesRefused: self.init(peer: event.fields[.node].flatMap(Self.caller), kind: event.kind)
        case .leaseTakenOver: self.init(peer: event.fields[.nodeNumber].map { "number \($0)" }, kind: event.kind)
        default: return nil
        }
    }

    /// A node by its name, anybody else by the whole ID. Nil for an address, and for nobody.
    private static func caller(_ text: String) -> String? {
        guard let id = try? SPIFFEID(text) else { return nil }
        return if case .node(let name) = id.kind { name } else { text }
    }
}
