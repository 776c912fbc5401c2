import SharedRegistry
import Synchronization

@testable import Authority

/// A log whose answers, or news, get lost on their way, though it has done what it was asked. Counts what it is asked.
final class Forgetful: SharedLog {
    enum Mood { case honest, saysNo, saysNothing, refuses }

    /// Of the next time that something is appended.
    let mood = Mutex(Mood.honest)
    /// Whether nothing can be appended.
    let isFull = Mutex(false)
    /// Whether its watches are silent, and still do not end.
    let isDeaf = Mutex(false)
    /// What happens elsewhere once the newest snapshot has been asked for, the first time.
    let afterALook = Mutex<(@Sendable () -> Void)?>(nil)
    /// Questions about entries, and entries.
    let asked = Mutex(0)
    private let log: EtcdLog

    init(_ log: EtcdLog) { self.log = log }

    func append(_ entry: [UInt8], at number: UInt64) throws(SharedLogError) -> Bool {
        asked.withLock { $0 += 1 }
        let mood = mood.withLock { mood in
            defer { mood = .honest }
            return mood
        }
        if mood == .refuses || isFull.withLock({ $0 }) { throw .refused("no more room") }
        let isPut = try log.append(entry, at: number)
        switch mood {
        case .honest, .refuses: return isPut
        case .saysNo: return false
        case .saysNothing: throw .unreachable("the answer was lost")
        }
    }

    func entries(from number: UInt64) throws(SharedLogError) -> [LogEntry] {
        asked.withLock { $0 += 1 }
        return try log.entries(from: number)
    }

    func newestSnapshot() throws(SharedLogError) -> SnapshotHead? {
        let newest = try log.newestSnapshot()
        let next = afterALook.withLock { next in
            defer { next = nil }
            return next
        }
        next?()
        return newest
    }

    func snapshot(_ head: SnapshotHead) throws(SharedLogError) -> [UInt8] { try log.snapshot(head) }

    func put(_ snapshot: [UInt8], _ head: SnapshotHead, replacing older: SnapshotHead?) throws(SharedLogError) -> Bool {
        try log.put(snapshot, head, replacing: older)
    }

    func watch(_ heard: @escaping @Sendable () async -> Void) async throws(SharedLogError) {
        guard isDeaf.withLock({ $0 }) else { return try await log.watch(heard) }
        try? await Task.sleep(for: .seconds(3600))
    }
}
