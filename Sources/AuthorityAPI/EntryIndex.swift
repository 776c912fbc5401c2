/// The entries of a node by what a workload must have for them: of many, a workload is compared with the few that it could fit.
///
/// Each entry lies under one of its selectors: the one that fewest other entries share, and one that is dear to know of a process
/// only where there are no others. Which one makes no difference to who fits: who has all of an entry's selectors has that one.
public struct EntryIndex: Sendable {
    /// Under what an entry lies, and how old it is.
    private struct Place {
        let entry: ListedEntry
        let key: Selector
    }

    private var places: [String: Place] = [:]
    private var identifiers: [Selector: Set<String>] = [:]
    /// In how many entries a selector stands.
    private var shares: [Selector: Int] = [:]
    private var keys: [Selector.Kind: Int] = [:]

    /// Of several with one ID the last counts.
    public init(_ entries: some Sequence<ListedEntry> = []) {
        let entries = Dictionary(entries.map { ($0.entry.id, $0) }) { $1 }.values
        // All of them first: which selectors are shared, each alone cannot know.
        for selector in entries.lazy.flatMap(\.entry.distinctSelectors) { shares[selector, default: 0] += 1 }
        for entry in entries { place(entry) }
    }

    public var count: Int { places.count }
    public var isEmpty: Bool { places.isEmpty }

    public subscript(id: String) -> WorkloadEntry? { places[id]?.entry.entry }

    public func listed(_ id: String) -> ListedEntry? { places[id]?.entry }

    /// Whether it is there, and as it is.
    public func contains(_ entry: WorkloadEntry) -> Bool { self[entry.id] == entry }

    /// Oldest first.
    public var inOrder: [WorkloadEntry] { places.values.map(\.entry).sorted().map(\.entry) }

    // MARK: Looking up

    /// Of the selectors that entries lie under; those that cost least to know first.
    public var kinds: [Selector.Kind] { keys.keys.sorted { $0.cost < $1.cost } }

    /// The entries that lie under a fact: with those of all facts of these kinds, a workload has been compared with all.
    public func entries(under fact: Selector) -> [ListedEntry] {
        (identifiers[fact] ?? []).compactMap { places[$0]?.entry }
    }

    /// What one of the two has and the other has not, or not as it is.
    public func changes(since other: EntryIndex) -> Set<WorkloadEntry> {
        let new = places.values.lazy.map(\.entry.entry).filter { !other.contains($0) }
        let gone = other.places.values.lazy.map(\.entry.entry).filter { !contains($0) }
        return Set(new).union(gone)
    }

    // MARK: Changes

    /// Puts an entry in the place of the one with its ID, if there is one.
    public mutating func put(_ entry: ListedEntry) {
        remove(entry.entry.id)
        for selector in entry.entry.distinctSelectors { shares[selector, default: 0] += 1 }
        place(entry)
    }

    public mutating func remove(_ id: String) {
        guard let place = places.removeValue(forKey: id) else { return }
        for selector in place.entry.entry.distinctSelectors { shares.decrement(selector) }
        identifiers[place.key]?.remove(id)
        guard identifiers[place.key]?.isEmpty == true else { return }
        identifiers[place.key] = nil
        keys.decrement(place.key.kind)
    }

    private mutating func place(_ entry: ListedEntry) {
        // No entry is without a selector.
        guard let key = entry.entry.selectors.min(by: { burden($0) < burden($1) }) else { return }
        places[entry.entry.id] = Place(entry: entry, key: key)
        if identifiers[key] == nil { keys[key.kind, default: 0] += 1 }
        identifiers[key, default: []].insert(entry.entry.id)
    }

    /// What it costs to find entries by a selector: what it takes to know it, and with how many a workload is then compared.
    private func burden(_ selector: Selector) -> (Int, Int) {
        let kind = selector.kind
        return (kind.isDear ? kind.cost : 0, (shares[selector] ?? 1) << (4 * kind.cost))
    }
}

extension EntryIndex: Equatable {
    public static func == (a: Self, b: Self) -> Bool {
        a.count == b.count && a.places.allSatisfy { b.places[$0]?.entry == $1.entry }
    }
}

extension WorkloadEntry {
    fileprivate var distinctSelectors: Set<Selector> { Set(selectors) }
}

extension Dictionary where Value == Int {
    /// What comes down to nothing is not kept.
    fileprivate mutating func decrement(_ key: Key) {
        self[key] = self[key].flatMap { $0 > 1 ? $0 - 1 : nil }
    }
}
