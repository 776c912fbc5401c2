import SharedRegistry
import Synchronization

@testable import Authority

/// A log whose answers get lost on their way, though it has done what it was asked.
final class Forgetful: SharedLog {
    enum Mood { case honest, saysNo, saysNothing }

    /// Of the next time that something is appended.
    let mood = Mutex(Mood.honest)
    private let log: EtcdLog

    init(_ log: EtcdLog) { self.log = log }

    func append(_ entry: [UInt8], at number: UInt64) throws(SharedLogError) -> Bool {
        let mood = mood.withLock { mood in
            defer { mood = .honest }
            return mood
        }
        let isPut = try log.append(entry, at: number)
        switch mood {
        case .honest: return isPut
        case .saysNo: return false
        case .saysNothing: throw .unreachable("the answer was lost")
        }
    }

    func entries(from number: UInt64) throws(SharedLogError) -> [LogEntry] { try log.entries(from: number) }

    func newestSnapshot() throws(SharedLogError) -> SnapshotHead? { try log.newestSnapshot() }

    func snapshot(_ head: SnapshotHead) throws(SharedLogError) -> [UInt8] { try log.snapshot(head) }

    func put(_ snapshot: [UInt8], _ head: SnapshotHead, replacing older: SnapshotHead?) throws(SharedLogError) -> Bool {
        try log.put(snapshot, head, replacing: older)
    }

    func watch(_ heard: @escaping @Sendable () async -> Void) async throws(SharedLogError) {
        try await log.watch(heard)
    }
}
