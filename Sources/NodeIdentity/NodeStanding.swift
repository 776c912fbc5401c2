internal import AuthorityAPI
internal import Identity

/// Why an authority does not count a node among its own: an answer of its own, not that there is none (docs/adr/0038).
public enum Exclusion: Sendable, Equatable {
    /// It was banned or revoked, or another has joined in its name: what it and its workloads were issued was taken back.
    case denied(String)
    /// It was evicted, the CA that issued its SVID was taken out, or the authority's registry is older than the node: nothing keeps
    /// it from joining again.
    case notAMember(String)

    /// - Parameter hasOpenJoin: whether a join of this node's own has had no answer, and so may be the one in its name.
    init?(_ failure: AuthorityCallError, hasOpenJoin: Bool) {
        switch failure {
        case .joinedAgain(let reason): self = hasOpenJoin ? .notAMember(reason) : .denied(reason)
        case .denied(let reason): self = .denied(reason)
        case .notAMember(let reason): self = .notAMember(reason)
        default: return nil
        }
    }

    public var reason: String {
        switch self {
        case .denied(let reason), .notAMember(let reason): reason
        }
    }

    public var isOverOnceItJoins: Bool { if case .notAMember = self { true } else { false } }

    /// Whether nobody is to be given any more what the node holds for its workloads.
    public var takesAllBack: Bool { !isOverOnceItJoins }
}

/// Whether the authority counts this node among its own.
extension NodeIdentityService {
    /// It does not.
    func shutOut(_ exclusion: Exclusion) {
        let isNews = self.exclusion != exclusion
        self.exclusion = exclusion
        // Once more each time: a file may not have gone.
        if exclusion.takesAllBack { giveUpWorkloads() }
        if isNews { observe(.shutOut(exclusion)) }
    }

    /// It does, whatever it said before: its registry was restored, perhaps.
    func letIn() {
        // Nobody has joined in its name since: not it either.
        if joinsUnderWay == 0, files.hasOpenJoin { save { () throws(NodeStateError) in try files.closeJoin() } }
        guard exclusion != nil else { return }
        exclusion = nil
        observe(.letIn)
    }

    /// What was issued for pods and processes, here and on disk, and what it is issued by. The node's own SVID stays: by it the
    /// authority tells whether things have changed.
    private func giveUpWorkloads() {
        newestIssue = [:]
        for held in workloads.values { held.renewal?.cancel() }
        workloads = [:]
        save { () throws(NodeStateError) in try files.workloads.clear() }
        entries = EntryIndex()
        jwtCache = JWTCache()
        dropEntrySVIDs()
    }
}
