import Foundation
public import Identity

/// What one message of a stream of entries says.
public struct EntryNews: Sendable, Equatable {
    /// All of the node's, or those that have come or changed.
    public let entries: [ListedEntry]
    /// IDs of entries that the node has no longer.
    public let removed: Set<String>
    /// Which message of the stream it is, from 1 on; 0 from authorities that send all entries each time.
    public let number: UInt64
    /// The message that it changes something about; nil when it stands alone.
    public let since: UInt64?

    public init(entries: [ListedEntry], removed: Set<String> = [], number: UInt64, since: UInt64? = nil) {
        self.entries = entries
        self.removed = removed
        self.number = number
        self.since = since
    }
}

extension Podshield_Authority_V1_EntryList {
    public init(_ news: EntryNews) {
        self.init()
        entries = news.entries.map(Podshield_Authority_V1_Entry.init)
        removed = news.removed.sorted()
        number = news.number
        since = news.since ?? 0
    }

    /// An entry that makes no sense here, as one of a newer authority may, is for nobody: nor is what it was before.
    public func parsed(in trustDomain: TrustDomain) -> EntryNews {
        let listed = entries.enumerated().compactMap { index, entry in
            entry.parsed(in: trustDomain).map {
                ListedEntry($0, createdAt: entry.createdAt > 0 ? entry.createdAt : Int64(index))
            }
        }
        let unread = Set(entries.map(\.id)).subtracting(listed.map(\.entry.id))
        return EntryNews(
            entries: listed, removed: since > 0 ? unread.union(removed) : [], number: number,
            since: since > 0 ? since : nil)
    }
}
