import Identity
import NodeIdentity

extension PodRegistry {
    /// A pod and its SVID: the current one, or on demand a new one with a new key.
    func identity(of name: String, namespace: String?, renewed: Bool) async throws(PodError) -> HeldPod {
        let found = try find(name, namespace: namespace)
        await takeTurn(found)
        defer { endTurn(found) }
        if pods[found]?.issued == nil {
            try await obtainIdentity(found)
        } else if renewed {
            try await renew(found)
        }
        guard let pod = pods[found] else { throw .notFound(name, nearest: []) }
        return pod
    }

    /// An SVID was taken back: the pod is as one without identity until another comes, which may be there already.
    func lost(_ issued: IssuedWorkload) async {
        let name = issued.pod.podName
        guard pods[name]?.issued?.svid.svid == issued.svid.svid else { return }
        pods[name]?.issued = nil
        await enforce(.unknown, on: name)
        // Peers let go of it by themselves; nothing here waits until they have.
        Task { await announce() }
    }

    /// All that was issued here was taken back, and none of it is held any more.
    func loseAll() { for name in pods.keys { pods[name]?.issued = nil } }

    private func renew(_ name: PodName) async throws(PodError) {
        do throws(AuthorityCallError) {
            guard let issued = try await parts.identity.renew(name) else { return }
            pods[name]?.issued = issued
        } catch {
            throw .notRenewed(name, error)
        }
        await announce()
    }
}
