internal import AuthorityAPI
internal import Identity

/// What the registry decides about one pod: everything its certificate will say, but the number.
struct WorkloadRegistration: Sendable, Equatable {
    let spiffeID: SPIFFEID
    /// The ID of the entry that decided; nil for the template.
    let entry: String?
    let labels: PolicyLabels
    let dnsNames: [String]
    /// Nil for the authority's setting.
    let lifetime: Duration?
    /// Of JWT-SVIDs; nil for the authority's setting.
    let jwtLifetime: Duration?
    /// Whose bundles it may have beside the own one.
    let federatesWith: [TrustDomain]

    init(_ entry: RegistrationEntry) {
        spiffeID = entry.spiffeID
        self.entry = entry.id
        labels = entry.labels
        dnsNames = entry.dnsNames
        lifetime = entry.lifetime
        jwtLifetime = entry.jwtLifetime
        federatesWith = entry.federatesWith
    }

    /// By template: the labels of the pod are those of its identity.
    init(_ pod: PodFacts, template: IdentityTemplate, in trustDomain: TrustDomain) throws(SPIFFEIDError) {
        spiffeID = try template.id(of: pod, in: trustDomain)
        entry = nil
        labels = PolicyLabels(of: pod)
        dnsNames = []
        lifetime = nil
        jwtLifetime = nil
        federatesWith = []
    }
}

extension RegistrationEntry {
    /// Of several entries that match a pod, the one that decides: most selectors, then one for this node alone, then the
    /// oldest.
    ///
    /// - Parameter node: the one that asks. Its name is that of its SVID, whatever it says.
    static func deciding(
        _ entries: [RegistrationEntry], for pod: PodFacts, on node: SPIFFEID
    ) -> RegistrationEntry? {
        guard case .node(let name) = node.kind else { return nil }
        return entries.filter { $0.matches(pod, on: name) }.max { $1.precedes($0) }
    }

    private func precedes(_ other: RegistrationEntry) -> Bool {
        if selectors.count != other.selectors.count { return selectors.count > other.selectors.count }
        if (parent == nil) != (other.parent == nil) { return parent != nil }
        return (createdAt, id) < (other.createdAt, other.id)
    }
}
