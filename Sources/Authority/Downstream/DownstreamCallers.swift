internal import Identity
internal import RateLimiting

/// Who may ask where CAs are signed for others, and how often for one thing.
struct DownstreamCallers: Sendable {
    let core: AuthorityCore
    private let budget: CallBudget

    init(_ core: AuthorityCore, _ rate: Rate) {
        self.core = core
        budget = CallBudget(rate)
    }

    /// By which the caller may, as of now. Who has no entry spends what he may call by his name, and nothing of what they may who
    /// have one.
    func entry(of caller: Caller) async throws(CallRefusal) -> (entry: RegistrationEntry, svid: ShownSVID) {
        guard caller.notAfter > core.now() else { throw .expired(caller.id) }
        guard core.isTrusted(caller) else { throw .revoked(caller.id) }
        if let found = try await entryAsKnown(caller) {
            guard budget.spend(found.entry.id) else { throw .tooManyCalls }
            return found
        }
        guard budget.spend(caller.id.description) else { throw .tooManyCalls }
        // Another authority may have been told of it, or have issued the SVID, only just now.
        guard try await core.isBehind(), let found = try await entryAsKnown(caller) else {
            throw .notDownstream(caller.id)
        }
        return found
    }

    private func entryAsKnown(
        _ caller: Caller
    ) async throws(CallRefusal) -> (entry: RegistrationEntry, svid: ShownSVID)? {
        let svid = ShownSVID(
            id: caller.id, serial: caller.serial,
            issuers: core.authorities.current.authorities(withKeyOf: caller.issuer))
        do throws(RegistryError) {
            return try await core.registry.downstreamEntry(of: svid).map { ($0, svid) }
        } catch {
            throw .registry(error)
        }
    }
}
