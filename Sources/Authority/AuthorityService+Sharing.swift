/// Where others share the registry: what they change counts here as if it had been changed here.
extension AuthorityService {
    /// Until the task is cancelled; at once where nobody shares it.
    func followOthers() async {
        guard let replica = registry.replica else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [registry, observe] in
                await registry.follow { failure in
                    observe(failure.map { .sharingInterrupted($0) } ?? .sharingRestored)
                    // The next start takes over what the others have.
                    if failure == .shared(.leftBehind) { Task { await self.stop() } }
                }
            }
            // Nodes that can go to another authority are sent away while this one is cut off.
            group.addTask { [registry, publisher] in
                while !Task.isCancelled {
                    try? await Task.sleep(for: Registry.grace)
                    if registry.isCutOff { await publisher.remind() }
                }
            }
            group.addTask {
                for await _ in replica.foreign.signals { await self.hear(replica.foreign.take()) }
            }
        }
    }

    private func hear(_ news: ForeignChanges.News) async {
        if !news.tables.isDisjoint(with: ["authorities", "upstream_roots"]), await !lifecycle.reload() {
            // It has nothing to sign with that anybody trusts, and does not come back as it is.
            return await stop()
        }
        if news.tables.contains("jwt_keys") { await jwtKeys.reload() }
        if news.tables.contains("relationships") { await federation.forgetRelationships() }
        if let entries = news.entries, !news.tables.contains("revocations") {
            await entrySignals.changed(entries)
        } else {
            await entrySignals.lost()
        }
        await published()
    }
}
