/// Why an authority does not count a node among its own.
public enum Exclusion: Sendable, Equatable {
    /// It was banned, or another has joined in its name.
    case denied(String)
    /// It was evicted, or the authority's registry is older than the node: nothing keeps it from joining again.
    case notAMember(String)

    init?(_ failure: AuthorityCallError) {
        switch failure {
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
}

/// Whether the authority counts this node among its own.
extension NodeIdentityService {
    /// It does not.
    func shutOut(_ exclusion: Exclusion) {
        guard self.exclusion != exclusion else { return }
        self.exclusion = exclusion
        observe(.shutOut(exclusion))
    }

    /// It does, whatever it said before: its registry was restored, perhaps.
    func letIn() {
        guard exclusion != nil else { return }
        exclusion = nil
        observe(.letIn)
    }
}
