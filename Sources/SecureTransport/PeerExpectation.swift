public import Identity

/// Who the other end must be. Always an SVID of the own trust domain; a workload's, whose certificates are good for TLS too, only
/// where it is named.
public enum PeerExpectation: Sendable, Equatable {
    /// Any node, or exactly this one.
    case node(exactly: SPIFFEID?)
    /// Any authority's server, or exactly this one.
    case authority(exactly: SPIFFEID?)
    /// For the authority's listener: a peer without a certificate is let in, one with a certificate must be a node.
    case nodeOrAnonymous
    /// One of these workloads; with an SVID of the node that this end is, where the SVID says whose it is.
    case workload(anyOf: Set<SPIFFEID>, isOfOwnNode: Bool)
    /// Any workload. For servers that look with each call at what its entry says.
    case anyWorkload
    /// For joining: an authority's server whose chain, as presented, holds the root with one of these SHA-256 and leads to it.
    /// The bundle's own roots count for nothing; its trust domain does.
    case pinnedRoot(anyOf: [[UInt8]])

    /// Whether a peer that presents no certificate passes.
    var allowsAnonymous: Bool { self == .nodeOrAnonymous }

    var isPin: Bool {
        if case .pinnedRoot = self { true } else { false }
    }

    /// Whether an SVID that was issued to another node is nobody's who is expected.
    var isOfOwnNode: Bool {
        if case .workload(_, let isOfOwnNode) = self { isOfOwnNode } else { false }
    }

    /// Whether an SVID of this name is who is expected.
    func accepts(_ id: SPIFFEID) -> Bool {
        switch (self, id.kind) {
        case (.node(let exact), .node): exact == nil || exact == id
        case (.authority(let exact), .authority): exact == nil || exact == id
        case (.nodeOrAnonymous, .node): true
        case (.pinnedRoot, .authority): true
        case (.workload(let ids, _), .workload): ids.contains(id)
        case (.anyWorkload, .workload): true
        default: false
        }
    }
}
