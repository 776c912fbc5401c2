internal import AuthorityAPI
internal import Identity

/// What a workload was given by an entitlement of its.
struct Given<Part: Sendable>: Sendable {
    let parts: [Part]
    /// Whether somebody had to be asked, for which the workload waited.
    let wasWaitedFor: Bool
}

extension Attestor {
    /// At a workload that is another each time.
    private static let mostLooks = 4

    /// What `give` has for what a workload is entitled to, and still is when it is there: an authority or a container runtime may take seconds to answer, in
    /// which the process can have become another program, or ended, and the entry or the pod another one.
    func steadily<Part>(
        _ workload: Workload, _ give: (Entitlement) async throws(Denial) -> Given<Part>
    ) async throws(Denial) -> (entitlement: Entitlement, parts: [Part]) {
        var entitlement = try await entitlement(of: workload)
        for look in 0..<Self.mostLooks {
            let given = try await give(entitlement)
            // What a runtime has said of a container it is not asked again.
            if given.wasWaitedFor || look == 0 && entitlement.wasWaitedFor {
                let now = try await self.entitlement(of: workload)
                guard now == entitlement else {
                    entitlement = now
                    continue
                }
            }
            guard !given.parts.isEmpty else { throw .notReady }
            return (entitlement, given.parts)
        }
        throw .notReady
    }
}

extension Entitlement: Equatable {
    static func == (a: Self, b: Self) -> Bool {
        a.identities.elementsEqual(b.identities) { $0.hint == $1.hint && $0.holder.isSame(as: $1.holder) }
    }
}

extension IdentityHolder {
    /// Whether the same is had by both: of a pod, this very SVID; of an entry, whatever SVID it has.
    fileprivate func isSame(as other: IdentityHolder) -> Bool {
        switch (self, other) {
        case (.pod(let facts, let svid, let domains), .pod(let otherFacts, let otherSVID, let otherDomains)):
            facts == otherFacts && svid.svid == otherSVID.svid && domains == otherDomains
        case (.entry(let entry), .entry(let other)): entry == other
        default: false
        }
    }
}
