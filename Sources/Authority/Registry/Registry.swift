internal import Foundation
internal import GRDB
internal import Identity
internal import LinuxBinding

/// What the authority remembers, in one SQLite file: entries, numbers given away, nodes, tokens, leases. Every change is one
/// transaction, on disk before it is answered.
struct Registry: Sendable {
    let trustDomain: TrustDomain
    let path: String
    let limits: DirectoryLimits
    private let pool: DatabasePool
    /// Nil where it is shared with nobody.
    let replica: RegistryReplica?
    /// Name of the authority among those that share it; empty where it is shared with nobody.
    let owner: String

    /// SQLite maps the index of its log into memory, and does not make sure of all of its blocks: on a full file system the
    /// first write to one ends the process. The index has 32 KiB, and grows with logs longer than any of ours.
    private static let leastFreeBytes: UInt64 = 64 << 10

    /// How long a call waits for another connection's transaction.
    private static let patience: TimeInterval = 5

    /// Opens the file, makes it when it is not there, brings its tables up to date and checks that it can be written.
    ///
    /// - Parameters:
    ///   - log: by which it is shared with other authorities, if it is; is waited for.
    ///   - name: of the authority among these.
    init(
        path: String, trustDomain: TrustDomain, limits: DirectoryLimits = DirectoryLimits(),
        sharedBy log: (any SharedLog)? = nil, as name: String = "main"
    ) throws(RegistryError) {
        owner = log == nil ? "" : name
        self.trustDomain = trustDomain
        self.path = path
        self.limits = limits
        let isNew = !FileManager.default.fileExists(atPath: path)
        replica = log.map { RegistryReplica(log: $0, schema: UInt16(RegistrySchema.migrator.migrations.count)) }
        do {
            if let log { try RegistryOrigin(path: path, log: log).prepare() }
            // SQLite gives its journal the mode of the database.
            let file = try FileDescriptor(opening: path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
            try PrivateFile.check(file, path: path)
            guard try MachineState.freeBytes(at: path) >= Self.leastFreeBytes else {
                throw RegistryError.noSpace(path: path)
            }
            pool = try DatabasePool(path: path, configuration: Self.configuration)
            try pool.read(Self.check)
            try RegistrySchema.migrator.migrate(pool)
            try pool.write { try $0.execute(sql: "UPDATE counters SET value = value") }
            try checkSharing()
        } catch {
            throw RegistryError(error, path: path)
        }
        guard replica != nil else { return }
        do throws(RegistryError) { try join() } catch {
            // Another began at the same time, perhaps: the next try finds what that one shares.
            if isNew { discard() }
            throw error
        }
    }

    private func discard() {
        close()
        for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + end) }
    }

    /// Leaves all of it in the one file, nothing in the log beside it. Whatever is asked afterwards fails. What cannot be
    /// written now is found by the next opening, so that a failure is nobody's concern.
    func close() {
        try? pool.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
        try? pool.close()
    }

    /// Whether a file can be what `init` wants, without a change to it. May be asked while another process has it open.
    static func inspect(_ path: String) throws(RegistryError) {
        do {
            try PrivateFile.check(FileDescriptor(opening: path, O_RDWR | O_NOFOLLOW), path: path)
            try DatabaseQueue(path: path, configuration: readOnly).read(check)
        } catch {
            throw RegistryError(error, path: path)
        }
    }

    static var readOnly: Configuration {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(patience)
        return configuration
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.busyMode = .timeout(patience)
        // WAL alone syncs at checkpoints; a number or a used token that power loss takes back would be given out twice.
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        return configuration
    }

    private static func check(_ db: Database) throws {
        let verdict = try String.fetchOne(db, sql: "PRAGMA quick_check(1)")
        guard verdict == "ok" else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: verdict)
        }
        if let version = try RegistrySchema.unknownVersion(in: db) { throw SupersededSchema(version: version) }
    }

    /// Runs reads on one snapshot. What throws is tried on the newest state before it counts: where others share the registry, it may be
    /// about what one of them has only just changed.
    func read<Value: Sendable, Failure: RegistryFailure>(
        as failure: Failure.Type, _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(Failure) -> Value {
        do {
            return try await pool.read(body)
        } catch  where replica == nil || !(error is Failure) {
            throw failed(error)
        } catch {
            do {
                try await catchUp()
                return try await pool.read(body)
            } catch {
                throw failed(error)
            }
        }
    }

    /// Runs one transaction; what `body` throws undoes it.
    func write<Value: Sendable, Failure: RegistryFailure>(
        as failure: Failure.Type, _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(Failure) -> Value {
        do {
            guard let replica else { return try await pool.write(body) }
            // Before there is a line to wait in, and in it.
            try replica.log.check()
            return try await pool.writeWithoutTransaction { try replica.write($0, body) }
        } catch {
            throw failed(error)
        }
    }

    /// `read` on the thread of whoever calls.
    func readNow<Value>(_ body: (Database) throws -> Value) throws(RegistryError) -> Value {
        do { return try pool.read(body) } catch { throw failed(error) }
    }

    /// `write` on the thread of whoever calls.
    func writeNow<Value>(_ body: (Database) throws -> Value) throws(RegistryError) -> Value {
        do {
            guard let replica else { return try pool.write(body) }
            return try pool.writeWithoutTransaction { try replica.write($0, body) }
        } catch {
            throw failed(error)
        }
    }

    /// As it is at one moment, over its own connection: another file descriptor of the file, once closed, would take SQLite's locks
    /// with it.
    func copyOpen(to path: String) throws(RegistryError) {
        do {
            _ = try FileDescriptor(opening: path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
            let copy = try DatabaseQueue(path: path)
            try pool.backup(to: copy)
            try copy.close()
        } catch {
            throw failed(error)
        }
    }

    /// Runs what brings its own transactions, or none.
    func alone<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(RegistryError) -> Value {
        do { return try await pool.writeWithoutTransaction(body) } catch { throw failed(error) }
    }

    /// `alone` on the thread of whoever calls.
    func aloneNow<Value>(_ body: (Database) throws -> Value) throws(RegistryError) -> Value {
        do { return try pool.writeWithoutTransaction(body) } catch { throw failed(error) }
    }

    /// Errors of the caller's own kind pass; everything else is the registry's.
    private func failed<Failure: RegistryFailure>(_ error: any Error) -> Failure {
        if let error = error as? Failure { return error }
        return .registry(error as? RegistryError ?? RegistryError(error, path: path))
    }

    func nonsense(_ what: String) -> RegistryError { .nonsense(path: path, what: what) }
}

extension Database {
    /// Takes the next value of a counter that never goes back.
    func advance(_ counter: String) throws -> UInt64 {
        let statement = try cachedStatement(sql: "UPDATE counters SET value = value + 1 WHERE name = ? RETURNING value")
        guard let value = try Int64.fetchOne(statement, arguments: [counter]), value > 0 else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "the counter \(counter) is missing or negative")
        }
        return UInt64(value)
    }
}
