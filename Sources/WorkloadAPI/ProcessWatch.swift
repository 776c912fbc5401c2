internal import LinuxBinding
internal import Synchronization

/// Looks again and again at the processes that something is streamed for, and rings where one has become another: nothing tells
/// of a process that begins another program, or that is moved to another control group.
final class ProcessWatch: Sendable {
    private struct Watched {
        let process: PeerProcess
        var facts: ProcessFacts
        var rings: [UInt64: @Sendable () -> Void] = [:]
    }

    private struct State {
        var watched: [ObjectIdentifier: Watched] = [:]
        var next: UInt64 = 0
    }

    private let state = Mutex(State())
    /// In which each is looked at once.
    private let round: Duration
    /// So many are looked at in one go.
    private static let stride = 16

    init(round: Duration) { self.round = round }

    /// How many processes there are.
    var count: Int { state.withLock { $0.watched.count } }

    /// Has `ring` called whenever a process is not what it was; before the caller looks at it himself.
    ///
    /// - Parameter ring: from any thread, must not block.
    /// - Returns: what it lasts as long as.
    func follow(_ process: PeerProcess, _ ring: @escaping @Sendable () -> Void) -> Following {
        let id = ObjectIdentifier(process)
        let facts = ProcessFacts(of: process)
        let number = state.withLock { state in
            state.next += 1
            // Where others follow it, what they knew last stays what a change is told by.
            state.watched[id, default: Watched(process: process, facts: facts)].rings[state.next] = ring
            return state.next
        }
        return Following { [weak self] in self?.unfollow(id, number) }
    }

    private func unfollow(_ id: ObjectIdentifier, _ number: UInt64) {
        state.withLock { state in
            state.watched[id]?.rings[number] = nil
            if state.watched[id]?.rings.isEmpty == true { state.watched[id] = nil }
        }
    }

    final class Following: Sendable {
        private let end: @Sendable () -> Void
        init(_ end: @escaping @Sendable () -> Void) { self.end = end }
        deinit { end() }
    }

    /// Looks until it is cancelled. Evenly, so that many cost no moment much.
    func run() async {
        while !Task.isCancelled {
            let ids = state.withLock { Array($0.watched.keys) }
            let strides = max(1, (ids.count + Self.stride - 1) / Self.stride)
            for number in 0..<strides {
                for id in ids.dropFirst(number * Self.stride).prefix(Self.stride) { look(id) }
                guard (try? await Task.sleep(for: round / strides)) != nil else { return }
            }
        }
    }

    private func look(_ id: ObjectIdentifier) {
        guard let process = state.withLock({ $0.watched[id]?.process }) else { return }
        let facts = ProcessFacts(of: process)
        let rings = state.withLock { state -> [@Sendable () -> Void] in
            guard let watched = state.watched[id], watched.facts != facts else { return [] }
            state.watched[id]?.facts = facts
            return Array(watched.rings.values)
        }
        for ring in rings { ring() }
    }
}

/// What may become another of a process while it lives. Nil is what could not be found out: that counts as well.
private struct ProcessFacts: Equatable {
    private let controlGroup: String?
    private let executable: ExecutableFile.Version?
    /// Of who connected it stays what it was then; of whom a broker has named it counts.
    private let account: PeerCredentials?
    private let groups: Set<UInt32>?

    init(of process: PeerProcess) {
        controlGroup = (try? process.controlGroup()) ?? nil
        executable = try? process.executable().version
        let now = try? process.current()
        (account, groups) = (now?.credentials, now?.groups)
    }
}
