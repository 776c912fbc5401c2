/// Where others share the registry: what they change counts here as if it had been changed here.
extension AuthorityService {
    /// Until the task is cancelled; at once where nobody shares it.
    func followOthers() async {
        guard let replica = registry.replica else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [registry, observe] in
                await registry.follow { failure in
                    observe(failure.map { .sharingInterrupted($0) } ?? .sharingRestored)
                }
            }
            group.addTask {
                for await _ in replica.foreign.signals { await self.hear(replica.foreign.take()) }
            }
        }
    }

    private func hear(_ news: ForeignChanges.News) async {
        if !news.tables.isDisjoint(with: ["authorities", "revocation_lists"]) { await lifecycle.reload() }
        if let entries = news.entries, !news.tables.contains("revocations") {
            await entrySignals.changed(entries)
        } else {
            await entrySignals.lost()
        }
        await published()
    }
}
