public import AuthorityAPI
public import Identity

/// An entry that some process on this node fits, and its SVID.
struct HeldEntry {
    let entry: WorkloadEntry
    /// Tells it from what was held for the same entry before.
    let turn: UInt64
    /// Done once there is an SVID or a reason for none.
    let firstTry: Task<Void, Never>
    var upkeep: Task<Void, Never>?
    var svid: KeyedSVID?
    /// Of the last try; nil when that worked.
    var failure: AuthorityCallError?
    var failures = 0

    init(_ entry: WorkloadEntry, turn: UInt64, firstTry: Task<Void, Never>) {
        self.entry = entry
        self.turn = turn
        self.firstTry = firstTry
    }

    /// Of an earlier run; nothing keeps it fresh yet.
    init(_ saved: SavedEntry) {
        self.init(saved.listed.entry, turn: 0, firstTry: Task {})
        svid = saved.svid
    }
}

extension NodeIdentityService {
    /// The entries by which processes on this node may get identities. Before the authority has said: those by which somebody had one in
    /// an earlier run.
    public var knownEntries: KnownEntries {
        KnownEntries(index: entries ?? restoredEntries, areAll: entries != nil)
    }

    /// The SVID of one of these entries: made when it is first asked for, and kept fresh for as long as the entry is there.
    public func svid(of entry: WorkloadEntry) async throws(AuthorityCallError) -> KeyedSVID {
        guard knownEntries.index.contains(entry) else {
            throw .notRegistered("entry \(entry.id) is none of this node's")
        }
        await (heldEntries[entry.id] ?? hold(entry)).firstTry.value
        guard let held = heldEntries[entry.id] else { throw .superseded }
        if let svid = heldSVID(of: entry) { return svid }
        throw held.failure ?? .superseded
    }

    /// The same if it is there already, and nil if not: nobody is asked.
    public func heldSVID(of entry: WorkloadEntry) -> KeyedSVID? {
        guard let held = heldEntries[entry.id], held.entry == entry else { return nil }
        return held.svid.flatMap { $0.svid.notAfter > clock.now() ? $0 : nil }
    }

    /// Takes over which entries there are. The SVIDs of those that have gone or become others are forgotten; pods that one of
    /// these fits or fitted get new ones, as far as the authority still issues any.
    func accept(_ news: EntryNews) {
        let changed = news.since == nil ? replaceEntries(news.entries) : changeEntries(news)
        guard let changed else { return }
        drop(
            changed.compactMap { entry in
                heldEntries[entry.id].flatMap { $0.entry == entry && entries?.contains(entry) != true ? $0 : nil }
            })
        for held in workloads.values where changed.contains(where: { $0.fits(held.issued.pod, on: nodeName) }) {
            renew(held, at: clock.now())
        }
        jwtCache.remove(entries: Set(changed.map(\.id)))
        identityChanges.send()
    }

    /// Answers what has gone and what has come; nil when nothing is another, not even the order.
    private func replaceEntries(_ list: [ListedEntry]) -> Set<WorkloadEntry>? {
        let new = EntryIndex(list)
        guard new != entries else { return nil }
        // Of those that an earlier run did not leave, nobody holds anything.
        let changed = entries.map(new.changes) ?? Set(restoredEntries.inOrder.filter { !new.contains($0) })
        entries = new
        restoredEntries = EntryIndex()
        return changed
    }

    private func changeEntries(_ news: EntryNews) -> Set<WorkloadEntry> {
        var changed: Set<WorkloadEntry> = []
        for id in news.removed {
            if let gone = entries?[id] { changed.insert(gone) }
            entries?.remove(id)
        }
        for listed in news.entries where entries?.contains(listed.entry) == false {
            if let former = entries?[listed.entry.id] { changed.insert(former) }
            changed.insert(listed.entry)
            entries?.put(listed)
        }
        return changed
    }

    /// The node is another than the one that they were issued to.
    func dropEntrySVIDs() {
        drop(Array(heldEntries.values))
        restoredEntries = EntryIndex()
        identityChanges.send()
    }

    /// Another SVID, for one that is good until then.
    func replace(_ held: HeldEntry) {
        let (entry, turn) = (held.entry, held.turn)
        held.upkeep?.cancel()
        heldEntries[entry.id]?.upkeep = Task { [weak self] in
            guard let self else { return }
            try? await clock.sleep(Schedule.replacement(chance: clock.random()))
            guard !Task.isCancelled else { return }
            await refresh(entry, turn)
            await keepFresh(entry, turn)
        }
    }

    /// Here and on disk.
    func drop(_ all: [HeldEntry]) {
        guard !all.isEmpty else { return }
        for held in all {
            held.firstTry.cancel()
            held.upkeep?.cancel()
            heldEntries[held.entry.id] = nil
            save { () throws(NodeStateError) in try files.entries.remove(held.entry.id) }
        }
        save { () throws(NodeStateError) in try files.entries.sync() }
    }

    /// What an earlier run left is kept fresh like the rest.
    func keepRestoredFresh() {
        for held in heldEntries.values where held.upkeep == nil {
            let (entry, turn) = (held.entry, held.turn)
            heldEntries[entry.id]?.upkeep = Task { [weak self] in await self?.keepFresh(entry, turn) }
        }
    }

    private func hold(_ entry: WorkloadEntry) -> HeldEntry {
        nextIssue += 1
        let turn = nextIssue
        let firstTry = Task { await refresh(entry, turn) }
        var held = HeldEntry(entry, turn: turn, firstTry: firstTry)
        held.upkeep = Task { [weak self] in
            await firstTry.value
            await self?.keepFresh(entry, turn)
        }
        heldEntries[entry.id] = held
        return held
    }

    private func current(_ entry: WorkloadEntry, _ turn: UInt64) -> HeldEntry? {
        heldEntries[entry.id].flatMap { $0.turn == turn ? $0 : nil }
    }

    /// Renews at half life, and after a failure in ever longer pauses.
    private func keepFresh(_ entry: WorkloadEntry, _ turn: UInt64) async {
        while !Task.isCancelled, let held = current(entry, turn) {
            if held.failure == nil, let svid = held.svid?.svid {
                await sleep(until: renewalTime(of: svid))
            } else {
                try? await clock.sleep(pause(held))
            }
            guard !Task.isCancelled else { return }
            expire(entry, turn)
            await refresh(entry, turn)
        }
    }

    /// Not beyond the end of what is held: that moment is one to tell of.
    private func pause(_ held: HeldEntry) -> Duration {
        let retry = Schedule.retry(failures: held.failures, chance: clock.random())
        guard let svid = held.svid?.svid else { return retry }
        return min(retry, .seconds(max(svid.notAfter - clock.now(), 0)))
    }

    private func expire(_ entry: WorkloadEntry, _ turn: UInt64) {
        guard let svid = current(entry, turn)?.svid?.svid, svid.notAfter <= clock.now() else { return }
        heldEntries[entry.id]?.svid = nil
        identityChanges.send(svidOf: entry.id)
    }

    private func refresh(_ entry: WorkloadEntry, _ turn: UInt64) async {
        do throws(AuthorityCallError) {
            let svid = try await request(entry, hasGood(entry, turn) ? .renewal : .awaited)
            guard current(entry, turn) != nil else { return }
            heldEntries[entry.id]?.svid = svid
            heldEntries[entry.id]?.failure = nil
            heldEntries[entry.id]?.failures = 0
            if let listed = knownEntries.index.listed(entry.id) {
                save { () throws(NodeStateError) in try files.entries.save(svid, of: listed) }
            }
            identityChanges.send(svidOf: entry.id)
            observe(.entrySVIDIssued(entry, svid.svid))
        } catch {
            guard let held = current(entry, turn) else { return }
            heldEntries[entry.id]?.failure = error
            heldEntries[entry.id]?.failures += 1
            // Said once for each reason, not with each try.
            if held.failure != error { observe(.entrySVIDFailed(entry, error)) }
        }
    }

    private func hasGood(_ entry: WorkloadEntry, _ turn: UInt64) -> Bool {
        guard let svid = current(entry, turn)?.svid?.svid else { return false }
        return svid.notAfter > clock.now()
    }

    private func request(
        _ entry: WorkloadEntry, _ urgency: RequestQueue.Urgency
    ) async throws(AuthorityCallError) -> KeyedSVID {
        var message = Podshield_Authority_V1_IssueWorkloadRequest()
        message.entry = entry.id
        let svid = try await request(message, urgency).svid
        guard svid.svid.id == entry.spiffeID else { throw .badAnswer("it is not the identity of the entry") }
        return svid
    }
}
