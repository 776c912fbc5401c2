internal import PatientThreads
internal import Synchronization

/// A log, and how it answers. While it does not, `check` says so at once, so that not each change waits for it in a line; one
/// look each second finds out when it does again.
final class MonitoredLog: SharedLog {
    private struct Health {
        /// Why it does not answer, and since when; nil while it does as far as is known.
        var silence: (reason: SharedLogError, since: ContinuousClock.Instant)?
        /// Why it has taken no change since the last one that it took.
        var refusal: SharedLogError?
        var isLookedAfter = false
    }

    private let log: any SharedLog
    private let health = Mutex(Health())
    private let changed: AsyncStream<Void>.Continuation
    /// Yields when `silence` or `refusal` has become another. For one reader.
    let changes: AsyncStream<Void>

    private static let betweenLooks = Duration.seconds(1)

    init(_ log: any SharedLog) {
        self.log = log
        (changes, changed) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Why it does not answer; nil while it does as far as is known.
    var silence: SharedLogError? { health.withLock { $0.silence?.reason } }

    /// Why it has taken no change since the last one that it took, if it refused one.
    var refusal: SharedLogError? { health.withLock { $0.refusal } }

    /// Throws why the log does not answer, while it does not.
    func check() throws(SharedLogError) {
        if let silence { throw silence }
    }

    /// Whether it has not answered for that long.
    func isSilent(for duration: Duration) -> Bool {
        health.withLock { $0.silence }.map { .now - $0.since >= duration } ?? false
    }

    // MARK: What it answers

    func append(_ entry: [UInt8], at number: UInt64) throws(SharedLogError) -> Bool {
        try changing { () throws(SharedLogError) in try log.append(entry, at: number) }
    }

    func entries(from number: UInt64) throws(SharedLogError) -> [LogEntry] {
        try asking { () throws(SharedLogError) in try log.entries(from: number) }
    }

    func newestSnapshot() throws(SharedLogError) -> SnapshotHead? {
        try asking { () throws(SharedLogError) in try log.newestSnapshot() }
    }

    func snapshot(_ head: SnapshotHead) throws(SharedLogError) -> [UInt8] {
        try asking { () throws(SharedLogError) in try log.snapshot(head) }
    }

    func put(_ snapshot: [UInt8], _ head: SnapshotHead, replacing older: SnapshotHead?) throws(SharedLogError) -> Bool {
        try changing { () throws(SharedLogError) in try log.put(snapshot, head, replacing: older) }
    }

    /// One that ends may be the first to notice that there is no answer.
    func watch(_ heard: @escaping @Sendable () async -> Void) async throws(SharedLogError) {
        do throws(SharedLogError) { try await log.watch(heard) } catch {
            if case .unreachable = error { await ask() }
            throw error
        }
    }

    private func changing(_ body: () throws(SharedLogError) -> Bool) throws(SharedLogError) -> Bool {
        let isDone = try asking { () throws(SharedLogError) in
            do throws(SharedLogError) { return try body() } catch {
                if case .refused = error { note { $0.refusal = error } }
                throw error
            }
        }
        if isDone { note { $0.refusal = nil } }
        return isDone
    }

    private func asking<Value>(_ body: () throws(SharedLogError) -> Value) throws(SharedLogError) -> Value {
        do throws(SharedLogError) {
            let value = try body()
            note { $0.silence = nil }
            return value
        } catch {
            guard case .unreachable = error else {
                note { $0.silence = nil }
                throw error
            }
            note { $0.silence = $0.silence ?? (error, .now) }
            throw error
        }
    }

    // MARK: Silence

    private func note(_ change: (inout Health) -> Void) {
        let (isOther, begins) = health.withLock { health in
            let former = health
            change(&health)
            let begins = health.silence != nil && !health.isLookedAfter
            if begins { health.isLookedAfter = true }
            let isOther = health.silence?.reason != former.silence?.reason || health.refusal != former.refusal
            return (isOther, begins)
        }
        if isOther { changed.yield() }
        if begins { lookAfter() }
    }

    /// Asks from time to time until there is an answer.
    private func lookAfter() {
        Task.detached { [weak self] in
            repeat { try? await Task.sleep(for: Self.betweenLooks) } while await self?.isSilentStill() == true
        }
    }

    private func isSilentStill() async -> Bool {
        await ask()
        return health.withLock { health in
            if health.silence == nil { health.isLookedAfter = false }
            return health.isLookedAfter
        }
    }

    /// Asks something small, on a thread where nobody waits behind it.
    private func ask() async {
        _ = await PatientThreads.ofTheLog.result { () throws(SharedLogError) in _ = try self.newestSnapshot() }
    }
}
