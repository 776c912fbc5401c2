internal import AuthorityAPI
internal import GRPCCore
internal import Identity

/// Tells the streams of entries that entries have come or gone.
actor EntrySignals {
    private var watchers = Watchers()

    func watch() -> (id: UInt64, signals: AsyncStream<Void>) { watchers.watch() }
    func unwatch(_ id: UInt64) { watchers.unwatch(id) }
    func changed() { watchers.signal() }
    func close() { watchers.close() }
}

/// One node's stream of the entries that are for it: all of them, and all again when they have become others.
struct EntryWatch: Sendable {
    let core: AuthorityCore
    let caller: Caller

    func run(_ writer: RPCWriter<Podshield_Authority_V1_EntryList>) async throws {
        let (id, signals) = await core.entrySignals.watch()
        do {
            try await send(signals, writer)
        } catch {
            await core.entrySignals.unwatch(id)
            throw error
        }
        await core.entrySignals.unwatch(id)
    }

    private func send(_ signals: AsyncStream<Void>, _ writer: RPCWriter<Podshield_Authority_V1_EntryList>) async throws
    {
        var sent: [WorkloadEntry]?
        for await _ in signals {
            let entries = try await entries()
            guard entries != sent else { continue }
            try await writer.write(Podshield_Authority_V1_EntryList(entries))
            sent = entries
            // Changes in quick succession come as one.
            try await Task.sleep(for: core.settings.limits.directoryPause)
        }
    }

    /// A caller that is not welcome any more is told so instead.
    private func entries() async throws -> [WorkloadEntry] {
        do throws(CallRefusal) {
            return try await core.entries(on: core.node(of: caller).id)
        } catch {
            core.observe(.callRefused(caller: caller.id, error))
            throw error.status
        }
    }
}
