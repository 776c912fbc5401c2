/// When one who serves workloads is to look again at what is held for them.
public struct IdentityWatch: Sendable {
    /// Yields at once, and whenever entries, pods or bundles may have become others, or the SVID of an entry that is followed; slow
    /// readers miss what is between.
    public let changes: AsyncStream<Void>
    /// Names the entries whose SVIDs are looked at, in place of those named before: to be called before the look.
    public let follow: @Sendable (_ entries: Set<String>) -> Void
    /// Has `changes` yield once more, for what only who serves can know; from any thread.
    public let ring: @Sendable () -> Void

    public init(
        changes: AsyncStream<Void>, ring: @escaping @Sendable () -> Void,
        follow: @escaping @Sendable (_ entries: Set<String>) -> Void
    ) {
        self.changes = changes
        self.ring = ring
        self.follow = follow
    }
}
