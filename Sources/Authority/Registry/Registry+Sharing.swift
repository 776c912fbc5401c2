internal import Foundation
internal import GRDB
internal import LinuxBinding
internal import PatientThreads
internal import Synchronization

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
        let isFounded = try readNow { db in try RegistryReplica.lineage(db) } == nil
        if isFounded { try inOne { db in try RegistryReplica.found(db, by: owner) } }
        do throws(RegistryError) {
            let newest = try aloneNow { _ in try replica.log.newestSnapshot() }
            if let newest {
                // Between the look at what there is and this one another may have been the first.
                let lineage = try readNow { db in try RegistryReplica.lineage(db) }
                guard newest.lineage == lineage else { throw .shared(.contended) }
            } else {
                try putSnapshot(replacing: nil, elseThrow: .contended)
            }
        } catch {
            if isFounded { try inOne { db in try RegistryReplica.leave(db, as: owner) } }
            throw error
        }
        try aloneNow { db in _ = try replica.catchUp(db) }
    }

    private func inOne(_ body: (Database) throws -> Void) throws(RegistryError) {
        try aloneNow { db in
            try db.inTransaction {
                try body(db)
                return .commit
            }
        }
    }

    // MARK: Following the others

    /// Between two looks at the log that nobody has called for: what a watch misses is found by them.
    private static let pause = Duration.seconds(10)
    private static let retry = Duration.seconds(1)

    /// Makes here what the others change, until the task is cancelled.
    ///
    /// - Parameter told: what keeps it from that, or from changes of one's own, and nil once nothing does; each once.
    func follow(telling told: @escaping @Sendable (RegistryError?) -> Void) async {
        guard let replica else { return }
        let trouble = Trouble(of: replica.log, told)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    try? await replica.log.watch { _ = try? await catchUp() }
                    try? await Task.sleep(for: Self.retry)
                }
            }
            group.addTask {
                while !Task.isCancelled {
                    await look(noting: trouble)
                    try? await Task.sleep(for: Self.pause)
                }
            }
            group.addTask {
                for await _ in replica.log.changes {
                    trouble.tell()
                    if replica.log.silence == nil { await look(noting: trouble) }
                }
            }
        }
    }

    private func look(noting trouble: Trouble) async {
        do throws(RegistryError) {
            try await catchUp()
            try await renewSnapshot()
            trouble.note(nil)
        } catch {
            trouble.note(error)
        }
    }

    /// Whether this authority hears nothing of the others, for whatever reason, and for so long that who can should ask another.
    var isCutOff: Bool {
        guard let replica else { return false }
        return replica.log.isSilent(for: Self.grace) || !replica.isKnownToBeNew(within: Self.longestAge)
    }

    /// A cluster that chooses another leader is silent for a moment.
    static let grace = Duration.seconds(3)
    /// Two looks and some time for them.
    private static let longestAge = Duration.seconds(25)

    /// Sees to it that what is decided by reading alone is decided on what the others know, too: no more than a moment old.
    func beNew() async throws(RegistryError) {
        guard let replica, !replica.isKnownToBeNew(within: Self.moment) else { return }
        // Of many who wait for it the first is enough.
        try await whileAnswered(replica) { db in
            if !replica.isKnownToBeNew(within: Self.moment) { try replica.catchUp(db) }
        }
    }

    private static let moment = Duration.seconds(2)

    /// Makes here what others have changed until now. Whether that was anything.
    @discardableResult
    func catchUp() async throws(RegistryError) -> Bool {
        guard let replica else { return false }
        return try await whileAnswered(replica) { db in try !replica.catchUp(db).isEmpty }
    }

    /// Does not wait in line for a log that does not answer.
    private func whileAnswered<Value: Sendable>(
        _ replica: RegistryReplica, _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(RegistryError) -> Value {
        do throws(SharedLogError) { try replica.log.check() } catch { throw .shared(error) }
        return try await alone { db in
            try replica.log.check()
            return try body(db)
        }
    }

    // MARK: Snapshots

    /// How many entries one is behind when another is due.
    static let snapshotInterval: UInt64 = 1024

    func renewSnapshot(every interval: UInt64 = snapshotInterval) async throws(RegistryError) {
        guard let replica else { return }
        let applied = try await read(as: RegistryError.self) { db in try Place(db).applied }
        // Not on the thread that writes, which goes on meanwhile.
        let result = await PatientThreads.ofTheLog.result { () throws(RegistryError) in
            let newest: SnapshotHead?
            do throws(SharedLogError) { newest = try replica.log.newestSnapshot() } catch { throw .shared(error) }
            guard let newest, applied >= newest.number + interval else { return }
            // The copy has one name: whoever comes second finds that it was made.
            try replica.snapshots.withLock { _ throws(RegistryError) in
                try putSnapshot(replacing: newest, elseThrow: nil)
            }
        }
        try result?.get()
    }

    /// - Parameter failure: what it means that somebody else was faster.
    private func putSnapshot(replacing older: SnapshotHead?, elseThrow failure: SharedLogError?) throws(RegistryError) {
        guard let replica else { return }
        let copy = path + ".snapshot"
        try? FileManager.default.removeItem(atPath: copy)
        defer { try? FileManager.default.removeItem(atPath: copy) }
        try copyOpen(to: copy)
        do {
            let (number, lineage) = try DatabaseQueue(path: copy, configuration: Self.readOnly).read { db in
                (try Place(db).applied, try RegistryReplica.lineage(db))
            }
            let bytes = try AtomicFile.read(copy, limit: SnapshotHead.largest)
            let head = SnapshotHead(number: number, lineage: lineage ?? "", file: bytes)
            guard try !replica.log.put(bytes, head, replacing: older), let failure else { return }
            throw failure
        } catch {
            throw RegistryError(error, path: path)
        }
    }
}
