import Foundation
public import Identity

/// A registration entry as a node knows it: enough to tell whose it is. What the SVID says, the authority alone decides.
public struct WorkloadEntry: Sendable, Hashable {
    /// Given by the authority.
    public let id: String
    public let spiffeID: SPIFFEID
    /// All of them must hold; never empty.
    public let selectors: [Selector]
    /// Empty for none.
    public let hint: String
    /// Another after every change, also of what only the authority knows.
    public let edition: UInt64
    /// Whose bundles the workload may have beside the own one.
    public let federatesWith: Set<TrustDomain>

    public init(
        id: String, spiffeID: SPIFFEID, selectors: [Selector], hint: String, edition: UInt64,
        federatesWith: Set<TrustDomain> = []
    ) {
        self.federatesWith = federatesWith
        self.id = id
        self.spiffeID = spiffeID
        self.selectors = selectors
        self.hint = hint
        self.edition = edition
    }

    /// Whether all selectors are facts of the pod on a node of this name.
    public func fits(_ pod: PodFacts, on node: String) -> Bool { selectors.allSatisfy { $0.matches(pod, on: node) } }
}

extension Podshield_Authority_V1_Entry {
    public init(_ listed: ListedEntry) {
        self.init()
        let entry = listed.entry
        id = entry.id
        spiffeID = entry.spiffeID.description
        selectors = entry.selectors.map(\.description)
        hint = entry.hint
        edition = entry.edition
        createdAt = listed.createdAt
        federatesWith = entry.federatesWith.map(\.name).sorted()
    }

    /// Nil for one that makes no sense here.
    public func parsed(in trustDomain: TrustDomain) -> WorkloadEntry? {
        let selectors = selectors.compactMap(Selector.init)
        guard !id.isEmpty, !selectors.isEmpty, selectors.count == self.selectors.count,
            let id = try? SPIFFEID(spiffeID), id.trustDomain == trustDomain, id.kind == .workload
        else { return nil }
        return WorkloadEntry(
            id: self.id, spiffeID: id, selectors: selectors, hint: hint, edition: edition,
            federatesWith: Set(federatesWith.compactMap { try? TrustDomain($0) }))
    }
}
