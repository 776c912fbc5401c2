internal import Identity
internal import Synchronization

/// Tells those who serve workloads when to look again at what is held for them. Only of SVIDs of entries that somebody follows is
/// he told: with thousands of streams, each renewal would else wake all of them.
final class IdentityChanges: Sendable {
    private struct State {
        var watchers: [UInt64: Watcher] = [:]
        /// The watchers that follow an entry's SVID, by entry.
        var followers: [String: Set<UInt64>] = [:]
        var next: UInt64 = 0

        mutating func unfollow(_ entry: String, _ id: UInt64) {
            followers[entry]?.remove(id)
            if followers[entry]?.isEmpty == true { followers[entry] = nil }
        }
    }

    private struct Watcher {
        let continuation: AsyncStream<Void>.Continuation
        var followed: Set<String> = []
    }

    private let state = Mutex(State())

    /// Whose SVIDs somebody looks at.
    var followed: Set<String> { state.withLock { Set($0.followers.keys) } }

    func watch() -> IdentityWatch {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = state.withLock { state in
            state.next += 1
            state.watchers[state.next] = Watcher(continuation: continuation)
            return state.next
        }
        continuation.onTermination = { [weak self] _ in self?.remove(id) }
        continuation.yield()
        return IdentityWatch(
            changes: stream, ring: { continuation.yield() }, follow: { [weak self] in self?.follow($0, watcher: id) })
    }

    /// What everybody looks at may have become another: entries, pods, bundles.
    func send() {
        state.withLock { state in
            for watcher in state.watchers.values { watcher.continuation.yield() }
        }
    }

    /// An entry has another SVID, or none any more.
    func send(svidOf entry: String) {
        state.withLock { state in
            for id in state.followers[entry] ?? [] { state.watchers[id]?.continuation.yield() }
        }
    }

    private func follow(_ entries: Set<String>, watcher id: UInt64) {
        state.withLock { state in
            guard let former = state.watchers[id]?.followed, former != entries else { return }
            state.watchers[id]?.followed = entries
            for entry in former.subtracting(entries) { state.unfollow(entry, id) }
            for entry in entries.subtracting(former) { state.followers[entry, default: []].insert(id) }
        }
    }

    private func remove(_ id: UInt64) {
        state.withLock { state in
            guard let watcher = state.watchers.removeValue(forKey: id) else { return }
            for entry in watcher.followed { state.unfollow(entry, id) }
        }
    }
}
