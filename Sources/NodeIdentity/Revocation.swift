internal import AuthorityAPI
internal import Identity

extension NodeIdentityService {
    /// What was taken back is given to nobody any more; where it is still wanted, another is asked for at once.
    func replaceRevoked() {
        for held in workloads.values where bundle.revokes(held.issued.svid.svid) { replace(held) }
        // The next who asks for it has another issued, or hears why there is none.
        drop(heldEntries.values.filter { held in (held.svid?.svid).map(bundle.revokes) ?? false })
    }

    /// What a CA issued that is about to be taken out: another SVID takes its place, and until then it is good.
    func replaceTainted() {
        for held in workloads.values where bundle.taints(held.issued.svid.svid) {
            renew(held, at: clock.now(), after: Schedule.replacement(chance: clock.random()))
        }
        for held in heldEntries.values {
            guard let svid = held.svid?.svid, bundle.taints(svid) else { continue }
            replace(held)
        }
    }

    /// What hangs on a root that is gone is refused by everybody: it goes, and whoever wants it has another issued.
    func dropUntrusted() {
        renewForeign()
        let verifier = SVIDVerifier(bundle: bundle)
        drop(
            heldEntries.values.filter { held in
                guard let svid = held.svid?.svid else { return false }
                return (try? verifier.verify(issued: svid.chain, at: clock.now())) == nil
            })
    }

    private func replace(_ held: HeldWorkload) {
        let pod = held.issued.pod
        let name = pod.podName
        held.renewal?.cancel()
        workloads[name] = nil
        jwtCache.remove(.pod(name))
        save { () throws(NodeStateError) in try files.workloads.remove(name) }
        observe(.workloadRevoked(held.issued))
        let (waiting, end) = AsyncStream.makeStream(of: Void.self)
        Task {
            _ = try? await issue(pod)
            end.finish()
            identityChanges.send()
        }
        replacements[name] = Task {
            let timer = Task { [clock] in
                try? await clock.sleep(Self.replacementPatience)
                end.finish()
            }
            for await _ in waiting {}
            timer.cancel()
            replacements[name] = nil
        }
    }

    /// How long whoever has a revoked SVID goes without hearing of it, since another is asked for. An authority that is there answers
    /// in much less.
    private static var replacementPatience: Duration { .seconds(1) }
}
