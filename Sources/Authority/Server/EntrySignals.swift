internal import Identity

/// Tells the streams of entries which entries have come, gone or become others.
actor EntrySignals {
    /// An entry that has become another. The registry says what it is now.
    struct Change: Sendable {
        let id: String
        /// The node that it is for now; nil for all.
        let parent: SPIFFEID?

        init(_ entry: RegistrationEntry) {
            id = entry.id
            parent = entry.parent
        }

        fileprivate init(id: String) {
            self.id = id
            parent = nil
        }
    }

    /// What has happened after a moment.
    struct News: Sendable {
        /// The moment that comes after it.
        let moment: UInt64
        /// Nil when it is not known any more which they were.
        let changes: [Change]?
        /// Another once nodes may have been shut out.
        let callers: UInt64
    }

    /// Changes that are remembered. A stream that is behind by more is told all entries.
    static let mostChanges = 4096

    private var watchers = Watchers()
    private var changes: [Change] = []
    private var moment: UInt64 = 0
    private var callers: UInt64 = 0

    func watch() -> (id: UInt64, signals: AsyncStream<Void>) { watchers.watch() }
    func unwatch(_ id: UInt64) { watchers.unwatch(id) }
    func close() { watchers.close() }

    /// Called once the registry has it.
    func changed(_ entries: [RegistrationEntry]) { add(entries.map(Change.init)) }

    /// The same for entries of which only the IDs are known, whichever node they are for.
    func changed(_ ids: Set<String>) { add(ids.map(Change.init(id:))) }

    private func add(_ new: [Change]) {
        guard !new.isEmpty else { return }
        changes += new
        moment += UInt64(new.count)
        // By halves, so that not each change moves all.
        if changes.count > 2 * Self.mostChanges { changes.removeFirst(changes.count - Self.mostChanges) }
        watchers.signal()
    }

    /// Called when it cannot be said which entries have changed.
    func lost() {
        changes = []
        moment += 1
        watchers.signal()
    }

    /// Nodes may have been shut out.
    func callersChanged() {
        callers += 1
        watchers.signal()
    }

    /// - Parameter past: a moment of before; nil for now.
    func news(since past: UInt64? = nil) -> News {
        let count = moment - (past ?? moment)
        return News(
            moment: moment, changes: count <= changes.count ? changes.suffix(Int(count)) : nil, callers: callers)
    }
}
