/// Whether the authority counts this node among its own.
extension NodeIdentityService {
    /// It does not: the node was banned or evicted, or another has joined in its name.
    func shutOut(_ reason: String) {
        guard exclusion != reason else { return }
        exclusion = reason
        observe(.shutOut(reason))
    }

    /// It does, whatever it said before: its registry was restored, perhaps.
    func letIn() {
        guard exclusion != nil else { return }
        exclusion = nil
        observe(.letIn)
    }
}
