/// The entries of a node, as far as it knows them.
public struct KnownEntries: Sendable {
    public let index: EntryIndex
    /// The authority has said which there are; otherwise there may be others.
    public let areAll: Bool

    public init(index: EntryIndex, areAll: Bool) {
        self.index = index
        self.areAll = areAll
    }
}
