/// An entry and its place among a node's entries.
public struct ListedEntry: Sendable, Hashable {
    public let entry: WorkloadEntry
    /// Seconds since 1970. From an authority of the version before, which does not tell, how many are older.
    public let createdAt: Int64

    public init(_ entry: WorkloadEntry, createdAt: Int64) {
        self.entry = entry
        self.createdAt = createdAt
    }
}

extension ListedEntry: Comparable {
    /// Whether it is the older one; of those of one second the ID decides, everywhere alike.
    public static func < (a: Self, b: Self) -> Bool {
        a.createdAt != b.createdAt
            ? a.createdAt < b.createdAt : a.entry.id.utf8.lexicographicallyPrecedes(b.entry.id.utf8)
    }
}
