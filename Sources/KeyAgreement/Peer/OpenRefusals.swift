internal import Addressing
internal import Identity

/// What the peer was refused perhaps only because our directory is behind its own. Looked at again when that can be the reason
/// no more.
struct OpenRefusals: Sendable {
    struct Refused: Sendable {
        let identity: NumericIdentity
        let reason: RefusalReason
        var addresses: Set<IPAddress>
        let since: BootNanoseconds
    }

    private var refused: [NumericIdentity: Refused] = [:]

    /// All of one workload are looked at together, `since` the first. False when there is no room to remember them.
    mutating func add(_ refusal: Refused) -> Bool {
        let all = refused[refusal.identity]?.addresses.union(refusal.addresses) ?? refusal.addresses
        let others = refused.values.reduce(0) { $0 + ($1.identity == refusal.identity ? 0 : $1.addresses.count) }
        guard all.count + others <= LinkLimits.openRefusals else { return false }
        refused[refusal.identity, default: refusal].addresses = all
        return true
    }

    /// The earliest; nil when there is none.
    var since: BootNanoseconds? { refused.values.map(\.since).min() }

    /// Removes those of before `time`, and that time itself.
    mutating func take(until time: BootNanoseconds) -> [Refused] {
        let taken = refused.values.filter { $0.since <= time }.sorted { $0.identity < $1.identity }
        for refusal in taken { refused[refusal.identity] = nil }
        return taken
    }
}
