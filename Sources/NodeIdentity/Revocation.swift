internal import AuthorityAPI
internal import Identity

extension NodeIdentityService {
    /// What was taken back is given to nobody any more; where it is still wanted, another is asked for at once.
    func replaceRevoked() {
        for held in workloads.values where bundle.revokes(held.issued.svid.svid) { replace(held) }
        // The next who asks for it has another issued, or hears why there is none.
        for held in heldEntries.values {
            if let svid = held.svid?.svid, bundle.revokes(svid) { drop(held) }
        }
    }

    private func replace(_ held: HeldWorkload) {
        let pod = held.issued.pod
        let name = pod.podName
        held.renewal?.cancel()
        workloads[name] = nil
        jwtCache.remove(.pod(name))
        save { () throws(NodeStateError) in try files.workloads.remove(name) }
        observe(.workloadRevoked(held.issued))
        replacements[name] = Task {
            _ = try? await issue(pod)
            replacements[name] = nil
            identityChanges.send(())
        }
    }
}
