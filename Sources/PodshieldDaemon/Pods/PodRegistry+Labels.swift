import AuthorityAPI
import NodeIdentity
import PodState
import Telemetry

extension PodRegistry {
    /// Takes over other labels of a pod and has it issued anew.
    ///
    /// What its processes are entitled to by labels is another at once. Its own identity stays the former until the authority has
    /// answered, so that no packet is lost where it does; with any other answer than an identity the pod has none, and its packets drop.
    func relabel(_ name: PodName, as facts: PodFacts) async throws(PodError) {
        guard let pod = pods[name], pod.record.facts != facts else { return }
        try rewrite(name, as: facts)
        pods[name]?.formerFacts = pod.issued?.pod
        parts.identity.podsChanged()
        do throws(PodError) { try await obtainIdentity(name) } catch {
            await giveUpFormer(name)
            throw error
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

    /// What was issued for facts that are not so any more is nobody's, though peers may take it for the pod's for a while.
    private func giveUpFormer(_ name: PodName) async {
        pods[name]?.formerFacts = nil
        guard let pod = pods[name], let issued = pod.issued, issued.pod != pod.record.facts else { return }
        former.formUnion(pod.record.holdings(of: issued.identity))
        pods[name]?.issued = nil
        do throws(PodError) { try save() } catch { parts.telemetry.record(.stateNotSaved(reason: "\(error)")) }
        await enforce(.unknown, on: name)
        await parts.identity.release(name)
        await announce()
    }
}
