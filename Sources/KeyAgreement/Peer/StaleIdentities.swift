internal import Identity

/// Which identities have to be compared with what was said of them.
struct StaleIdentities: Sendable {
    /// Nil for all.
    private(set) var identities: Set<NumericIdentity>? = []

    var isAll: Bool { identities == nil }

    mutating func add(_ identity: NumericIdentity) { identities?.insert(identity) }
    mutating func addAll() { identities = nil }

    /// Empties it; nil when there is nothing to compare.
    mutating func take() -> StaleIdentities? {
        guard identities?.isEmpty != true else { return nil }
        defer { identities = [] }
        return self
    }
}
