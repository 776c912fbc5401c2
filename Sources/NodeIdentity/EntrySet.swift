internal import AuthorityAPI

/// The entries that the authority has told.
struct EntrySet: Sendable {
    /// Oldest first.
    let inOrder: [WorkloadEntry]
    private let all: Set<WorkloadEntry>

    init(_ inOrder: [WorkloadEntry]) {
        self.inOrder = inOrder
        all = Set(inOrder)
    }

    func contains(_ entry: WorkloadEntry) -> Bool { all.contains(entry) }

    /// What one of the two has and the other has not.
    func changes(since other: EntrySet) -> Set<WorkloadEntry> { all.symmetricDifference(other.all) }
}
