/// The connection that is in use now, and those who wait for one.
actor ConnectionSlot {
    /// A connection and which one it is, so that a caller whom it failed can ask for a later one.
    struct Held: Sendable {
        let connection: AuthorityConnection
        let turn: UInt64
    }

    private var held: Held?
    private var turn: UInt64 = 0
    private var waiting: [UInt64: CheckedContinuation<Held?, Never>] = [:]
    private var nextWaiter: UInt64 = 0

    var isConnected: Bool { held != nil }

    func fill(_ connection: AuthorityConnection) {
        turn += 1
        let new = Held(connection: connection, turn: turn)
        held = new
        for continuation in waiting.values { continuation.resume(returning: new) }
        waiting = [:]
    }

    func empty() { held = nil }

    /// A connection after number `turn`, at once or as soon as there is one; nil when that takes too long.
    func connection(after turn: UInt64, within patience: Duration) async -> Held? {
        if let held, held.turn > turn { return held }
        nextWaiter += 1
        let waiter = nextWaiter
        let alarm = Task {
            try await Task.sleep(for: patience)
            giveUp(waiter)
        }
        defer { alarm.cancel() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if Task.isCancelled { continuation.resume(returning: nil) } else { waiting[waiter] = continuation }
            }
        } onCancel: {
            Task { await giveUp(waiter) }
        }
    }

    private func giveUp(_ waiter: UInt64) {
        waiting.removeValue(forKey: waiter)?.resume(returning: nil)
    }
}
