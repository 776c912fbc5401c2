internal import AuthorityAPI
internal import GRPCCore
internal import Identity
internal import RateLimiting

/// One node's stream of the entries that are for it: all of them, and then what has changed, or all again to a node that does not
/// take changes.
struct EntryWatch: Sendable {
    let core: AuthorityCore
    let caller: Caller
    let takesChanges: Bool

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
        var told = ToldEntries()
        var pace = TokenBucket(core.settings.limits.entryNews, at: .now)
        // What changes while the registry is read is told again, which is harmless.
        var past = await core.entrySignals.news()
        for await _ in signals {
            let happened = await core.entrySignals.news(since: past.moment)
            let concerned = told.hasBegun ? concerned(happened.changes, told) : nil
            // What is none of this node's costs no more than this.
            guard concerned?.isEmpty != true || happened.callers != past.callers else {
                past = happened
                continue
            }
            past = happened
            try await admit()
            guard let news = try await news(of: concerned, &told) else { continue }
            try await writer.write(Podshield_Authority_V1_EntryList(news))
            // One change is told at once; of many in quick succession several come as one.
            try await pace.takeNext()
        }
    }

    /// The entries among the changed ones that are this node's or were; nil when it is not known which have changed.
    private func concerned(_ changes: [EntrySignals.Change]?, _ told: ToldEntries) -> [String]? {
        changes?.filter { $0.parent == nil || $0.parent == caller.id || told.contains($0.id) }.map(\.id)
    }

    /// Nil when there is none. Of `ids` alone, as far as the node takes changes; nil for all entries.
    private func news(of ids: [String]?, _ told: inout ToldEntries) async throws -> EntryNews? {
        guard takesChanges else { return told.replace(try await core.entries(on: caller.id)) }
        guard let ids else { return told.compare(try await core.entries(on: caller.id)) }
        return told.change(try await core.entries(on: caller.id, only: ids), of: ids)
    }

    /// A caller that is not welcome any more is told so instead.
    private func admit() async throws {
        do throws(CallRefusal) { _ = try await core.node(of: caller) } catch {
            core.observe(.callRefused(caller: caller.id, error))
            throw error.status
        }
    }
}

extension AuthorityCore {
    /// What a node needs to know of its entries.
    ///
    /// - Parameter ids: of those that are asked for; nil for all.
    func entries(on node: SPIFFEID, only ids: [String]? = nil) async throws -> [ListedEntry] {
        do throws(RegistryError) {
            return try await registry.entries(on: node, only: ids).map(ListedEntry.init)
        } catch {
            let refusal = CallRefusal.registry(error)
            observe(.callRefused(caller: node, refusal))
            throw refusal.status
        }
    }
}

extension ListedEntry {
    init(_ entry: RegistrationEntry) {
        self.init(
            WorkloadEntry(
                id: entry.id, spiffeID: entry.spiffeID, selectors: entry.selectors, hint: entry.hint,
                edition: entry.edition, federatesWith: Set(entry.federatesWith)),
            createdAt: entry.createdAt)
    }
}
