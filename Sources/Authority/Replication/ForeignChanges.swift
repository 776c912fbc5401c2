internal import SQLiteBinding
internal import Synchronization

/// What the other authorities have changed in the registry since it was last asked.
final class ForeignChanges: Sendable {
    struct News: Sendable, Equatable {
        /// Names of those in which something is other than before.
        var tables: Set<String> = []
        /// IDs; nil when there are too many to name.
        var entries: Set<String>? = []
    }

    private let news = Mutex(News())
    private let signal: AsyncStream<Void>.Continuation
    /// Yields when there is something to ask for. For one reader.
    let signals: AsyncStream<Void>

    private static let mostEntries = 4096

    init() { (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    func add(_ rows: [ChangeSet.Row]) {
        news.withLock { news in
            for row in rows {
                news.tables.insert(row.table)
                if row.table == "entries", let key = row.key { news.entries?.insert(key) }
            }
            if (news.entries?.count ?? 0) > Self.mostEntries { news.entries = nil }
        }
        signal.yield()
    }

    func take() -> News {
        news.withLock { news in
            defer { news = News() }
            return news
        }
    }
}
