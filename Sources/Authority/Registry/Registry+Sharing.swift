internal import Foundation
internal import GRDB
internal import LinuxBinding

extension Registry {
    /// A shared registry that is opened without the others would go its own way.
    func checkSharing() throws {
        guard replica == nil else { return }
        let lineage = try readNow { db in try RegistryReplica.lineage(db) }
        guard lineage == nil else { throw RegistryError.wasShared(path: path) }
    }

    /// Becomes one of those that share it, the first if there is none, with all that they have changed.
    func join() throws(RegistryError) {
        guard let replica else { return }
        let isShared = try readNow { db in try RegistryReplica.lineage(db) } != nil
        if isShared {
            try aloneNow { db in _ = try replica.catchUp(db) }
        } else {
            _ = try aloneNow { [owner] db in
                try db.inTransaction {
                    try RegistryReplica.found(db, by: owner)
                    return .commit
                }
            }
            try putSnapshot(replacing: nil, elseThrow: .contended)
        }
    }

    // MARK: Following the others

    /// Between two looks at the log that nobody has called for: what a watch misses is found by them.
    private static let pause = Duration.seconds(10)
    private static let retry = Duration.seconds(1)

    /// Makes here what the others change, until the task is cancelled.
    ///
    /// - Parameter told: what keeps it from that, and nil once nothing does; each once.
    func follow(telling told: @escaping @Sendable (RegistryError?) -> Void) async {
        guard let replica else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    try? await replica.log.watch { _ = try? await catchUp() }
                    try? await Task.sleep(for: Self.retry)
                }
            }
            group.addTask {
                var failure: RegistryError?
                while !Task.isCancelled {
                    do throws(RegistryError) {
                        try await catchUp()
                        try await renewSnapshot()
                        if failure != nil { told(nil) }
                        failure = nil
                    } catch {
                        if failure != error { told(error) }
                        failure = error
                    }
                    try? await Task.sleep(for: Self.pause)
                }
            }
        }
    }

    /// Makes here what others have changed until now.
    func catchUp() async throws(RegistryError) {
        guard let replica else { return }
        try await alone { db in _ = try replica.catchUp(db) }
    }

    // MARK: Snapshots

    /// How many entries one is behind when another is due.
    static let snapshotInterval: UInt64 = 1024

    func renewSnapshot(every interval: UInt64 = snapshotInterval) async throws(RegistryError) {
        guard let replica else { return }
        let newest = try await alone { _ in try replica.log.newestSnapshot() }
        let applied = try await read(as: RegistryError.self) { db in try RegistryReplica.applied(db) }
        guard let newest, applied >= newest.number + interval else { return }
        try await alone { _ in try putSnapshot(replacing: newest, elseThrow: nil) }
    }

    /// - Parameter failure: what it means that somebody else was faster.
    private func putSnapshot(replacing older: SnapshotHead?, elseThrow failure: SharedLogError?) throws(RegistryError) {
        guard let replica else { return }
        let copy = path + ".snapshot"
        try? FileManager.default.removeItem(atPath: copy)
        defer { try? FileManager.default.removeItem(atPath: copy) }
        try Self.copy(path, to: copy)
        do {
            let (number, lineage) = try DatabaseQueue(path: copy, configuration: Self.readOnly).read { db in
                (try RegistryReplica.applied(db), try RegistryReplica.lineage(db))
            }
            let bytes = try AtomicFile.read(copy, limit: SnapshotHead.largest)
            let head = SnapshotHead(number: number, length: bytes.count, lineage: lineage ?? "")
            guard try !replica.log.put(bytes, head, replacing: older), let failure else { return }
            throw failure
        } catch {
            throw RegistryError(error, path: path)
        }
    }
}
