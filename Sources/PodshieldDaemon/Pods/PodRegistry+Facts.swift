import AuthorityAPI
import Identity
import NodeIdentity
import PodState
import Telemetry

extension PodRegistry {
    /// Takes over other labels of a pod, or a UID that nobody had said, and has it issued anew.
    ///
    /// What its processes are entitled to by these is another at once. Its own identity stays the former until the authority has
    /// answered, so that no packet is lost where it does. With any other answer than an identity, a pod of which something is not so
    /// any more has none, and its packets drop.
    func take(_ facts: PodFacts, of name: PodName) async throws(PodError) {
        guard let pod = pods[name], pod.record.facts != facts else { return }
        // On disk before it is another's: a run may end before peers know.
        if let issued = pod.issued { former.formUnion(pod.record.holdings(of: issued.identity)) }
        try rewrite(name, as: facts)
        pods[name]?.formerFacts = pod.issued?.pod
        parts.identity.podsChanged()
        if let issued = pod.issued, issued.pod.isPart(of: facts) {
            await complete(name)
        } else {
            do throws(PodError) { try await obtainIdentity(name) } catch {
                await giveUpFormer(name)
                throw error
            }
        }
        pods[name]?.formerFacts = nil
    }

    private func rewrite(_ name: PodName, as facts: PodFacts) throws(PodError) {
        let former = pods[name]?.record.facts
        pods[name]?.record.facts = facts
        do throws(PodError) { try save() } catch {
            if let former { pods[name]?.record.facts = former }
            throw error
        }
    }

    /// Asks for an SVID for all that is known of a pod, which has one for less. That is as good until another is there. Whether the
    /// authority can be asked.
    @discardableResult
    func complete(_ name: PodName) async -> Bool {
        guard let pod = pods[name], let issued = pod.issued, issued.pod != pod.record.facts else { return true }
        let whole: IssuedWorkload
        do throws(AuthorityCallError) { whole = try await parts.identity.issue(pod.record.facts) } catch {
            if case .unreachable = error { return false }
            return true
        }
        // Not in one statement with the call: what the dictionary holds would be in use while others may change it.
        pods[name]?.issued = whole
        await announce()
        return true
    }

    /// What was issued for facts that are not so any more is nobody's, though peers may take it for the pod's for a while.
    private func giveUpFormer(_ name: PodName) async {
        pods[name]?.formerFacts = nil
        guard let pod = pods[name], let issued = pod.issued, !pod.isFor(issued) else { return }
        former.formUnion(pod.record.holdings(of: issued.identity))
        pods[name]?.issued = nil
        do throws(PodError) { try save() } catch { parts.telemetry.record(.stateNotSaved(reason: "\(error)")) }
        await enforce(.unknown, on: name)
        await parts.identity.release(name)
        await announce()
    }
}
