internal import AuthorityAPI
internal import Identity

/// The identities that a caller may have: the default first; never none, and none twice.
struct Entitlement: Sendable {
    struct Identity: Sendable {
        let holder: IdentityHolder
        /// Empty for none.
        let hint: String

        var id: SPIFFEID { holder.id }
    }

    let identities: [Identity]
    /// Otherwise there may be others, of which the authority has not told yet, or that the container runtime would have to speak of.
    let areAll: Bool
    /// Whether somebody else had to be asked for it, for which the workload may have waited.
    let wasWaitedFor: Bool

    /// In the order of the holders. A hint that an earlier one has is none (SPIFFE_Workload_API.md section 5.2.1).
    init?(_ holders: [IdentityHolder], areAll: Bool, wasWaitedFor: Bool) {
        (self.areAll, self.wasWaitedFor) = (areAll, wasWaitedFor)
        var ids: Set<SPIFFEID> = []
        var hints: Set<String> = [""]
        identities = holders.filter { ids.insert($0.id).inserted }.map { holder in
            Identity(holder: holder, hint: hints.insert(holder.hint).inserted ? holder.hint : "")
        }
        if identities.isEmpty { return nil }
    }

    private init(_ identities: [Identity], of whole: Entitlement) {
        self.identities = identities
        (areAll, wasWaitedFor) = (whole.areAll, whole.wasWaitedFor)
    }

    /// Those of its entries.
    var entries: Set<String> {
        identities.reduce(into: []) { if case .entry(let entry) = $1.holder { $0.insert(entry.id) } }
    }

    /// What is left of it when one identity is asked for.
    func only(_ id: SPIFFEID) -> Entitlement? {
        let identities = identities.filter { $0.id == id }
        return identities.isEmpty ? nil : Entitlement(identities, of: self)
    }

    /// What `make` finds for each, asked for at once, in this order; what cannot be had is left out.
    func each<Part: Sendable>(_ make: @escaping @Sendable (Identity) async -> Part?) async -> [Part] {
        await withTaskGroup(of: (Int, Part?).self) { group in
            for (index, identity) in identities.enumerated() { group.addTask { (index, await make(identity)) } }
            let parts = await group.reduce(into: []) { $0.append($1) }
            return parts.sorted { $0.0 < $1.0 }.compactMap(\.1)
        }
    }
}
