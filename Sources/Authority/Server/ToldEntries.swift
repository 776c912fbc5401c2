internal import AuthorityAPI

/// The entries that one node has been told, and what is to be told it next.
struct ToldEntries {
    /// A hash of each as it was told: an ID may be given to another entry, whose editions begin anew.
    private var told: [String: Int] = [:]
    private var number: UInt64 = 0

    /// Whether it has been told all of them once.
    var hasBegun: Bool { number > 0 }

    func contains(_ id: String) -> Bool { told[id] != nil }

    /// All that the node has now: told as they are, unless it knows.
    mutating func replace(_ entries: [ListedEntry]) -> EntryNews? {
        let new = Dictionary(entries.map { ($0.entry.id, $0.hashValue) }) { $1 }
        guard !hasBegun || new != told else { return nil }
        told = new
        number += 1
        return EntryNews(entries: entries, number: number)
    }

    /// All that the node has now: told as what has changed, but the first time.
    mutating func compare(_ entries: [ListedEntry]) -> EntryNews? {
        guard hasBegun else { return replace(entries) }
        return change(entries, of: Array(told.keys))
    }

    /// Of some entries those that the node has now; the others it has not.
    mutating func change(_ entries: [ListedEntry], of ids: [String]) -> EntryNews? {
        let new = entries.filter { told[$0.entry.id] != $0.hashValue }
        let gone = Set(ids).subtracting(entries.map(\.entry.id)).filter(contains)
        guard !new.isEmpty || !gone.isEmpty else { return nil }
        for entry in new { told[entry.entry.id] = entry.hashValue }
        for id in gone { told[id] = nil }
        number += 1
        return EntryNews(entries: new, removed: gone, number: number, since: number - 1)
    }
}
