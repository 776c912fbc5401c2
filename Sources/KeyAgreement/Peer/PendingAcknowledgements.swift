/// What the peer has acknowledged while SAs were in use that it could have sealed with before: packets on such an SA may have
/// been held back on their way since then.
struct PendingAcknowledgements: Sendable {
    private struct Acknowledgement {
        var revision: UInt64
        /// The newest association at that time.
        let order: UInt64
    }

    /// Oldest first.
    private var acknowledgements: [Acknowledgement] = []
    /// New keys were asked for on behalf of all there are.
    private var isHurried = false

    /// There are some, and nothing was done yet to get rid of the keys that they wait for.
    var isWaiting: Bool { !acknowledgements.isEmpty && !isHurried }

    /// Only what is newer than what was added before counts.
    mutating func add(_ revision: UInt64, after order: UInt64) {
        guard revision > acknowledgements.last?.revision ?? 0 else { return }
        if acknowledgements.last?.order == order {
            acknowledgements[acknowledgements.endIndex - 1].revision = revision
        } else {
            acknowledgements.append(Acknowledgement(revision: revision, order: order))
            isHurried = false
        }
    }

    mutating func hurry() { isHurried = true }

    mutating func removeAll() { self = Self() }

    /// The newest revision that was acknowledged when none of the associations from `oldest` on existed.
    mutating func take(before oldest: UInt64) -> UInt64? {
        guard let last = acknowledgements.lastIndex(where: { $0.order < oldest }) else { return nil }
        let revision = acknowledgements[last].revision
        acknowledgements.removeSubrange(...last)
        return revision
    }
}
