import Addressing
import AuthorityAPI
import Configuration
import Datapath
import Identity
import KeyAgreement
import LinuxBinding
import NetnsProtocol
import NodeIdentity
import PodState
import Telemetry
import WorkloadAPI

/// The pods of this node, from the first packet to the last. What happens to one pod happens in order; different pods do not
/// wait for each other.
actor PodRegistry {
    let parts: NodeParts
    let store: PodStore
    let hosting: Hosting
    var pods: [PodName: HeldPod] = [:]
    /// What pods that have gone had, and peers may still take for theirs: on disk before it is anybody else's.
    var former: Set<FormerHolding> = []
    var protected: [IPPrefix]
    private var isRetired = false
    private(set) var isShutOut = false
    private var turns = Turns<PodName>()

    init(_ parts: NodeParts, store: PodStore, protected: [IPPrefix]) {
        self.parts = parts
        self.store = store
        self.protected = protected
        hosting = Hosting(parts)
    }

    /// New prefixes count for pods that come from now on.
    func setProtected(_ prefixes: [IPPrefix]) { protected = prefixes }

    /// Tells peers that nothing is hosted here any more, and nothing of it to the kernel: the datapath goes. The pods are
    /// taken up again by the next run.
    func retire() async {
        isRetired = true
        _ = await hosting.publish { [] }
    }

    /// While the authority does not count this node among its own, all packets of its pods drop, and nobody is told of them.
    func setShutOut(_ isShutOut: Bool) async {
        guard self.isShutOut != isShutOut else { return }
        self.isShutOut = isShutOut
        if isShutOut { for name in pods.keys { await enforce(.unknown, on: name) } }
        await announce()
        // The authority may take its time, for which nothing else is to wait.
        if !isShutOut { Task { await obtainMissing() } }
    }

    // MARK: Asking

    func list() -> [HeldPod] {
        pods.values.sorted {
            ($0.record.name.namespace, $0.record.name.name) < ($1.record.name.namespace, $1.record.name.name)
        }
    }

    func held(_ name: PodName) -> HeldPod? { pods[name] }

    func held(_ reference: PodReference) -> HeldPod? { pods.pod(reference) }

    /// The pod whose device is one of these.
    func held(by devices: Set<HostDevice>) -> HeldPod? { pods.values.first { devices.contains($0.record.device) } }

    /// The pod of that name, in that namespace or in whichever has it.
    func find(_ name: String, namespace: String?) throws(PodError) -> PodName {
        let candidates = pods.keys.filter { namespace == nil || $0.namespace == namespace }
        let found = candidates.filter { $0.name == name }
        guard found.count < 2 else { throw .ambiguous(name, namespaces: found.map(\.namespace).sorted()) }
        guard let found = found.first else {
            throw .notFound(name, nearest: NearestNames.of(name, among: Set(candidates.map(\.name)), most: 3))
        }
        return found
    }

    /// A pod, and one of its addresses that these prefixes leave out.
    func unprotected(by prefixes: [IPPrefix]) -> (PodName, IPAddress)? {
        for pod in pods.values {
            for address in pod.record.addresses where !prefixes.contains(where: { $0.contains(address) }) {
                return (pod.record.name, address)
            }
        }
        return nil
    }

    // MARK: Turns

    func takeTurn(_ name: PodName) async {
        guard !turns.begin(name) else { return }
        await withCheckedContinuation { turns.wait(name, $0) }
    }

    func endTurn(_ name: PodName) { turns.end(name) }

    // MARK: What others see

    func save() throws(PodError) {
        parts.names.update(pods: pods.values.map(\.record))
        do throws(PodStoreError) {
            try store.save(PodStore.Saved(pods: list().map(\.record), former: former))
        } catch {
            throw .store(error)
        }
    }

    /// Leases and announcements, as the pods are when it begins; then what may be enforced is.
    func announce() async {
        guard !isRetired else { return }
        let told = await hosting.publish { await self.isShutOut ? [] : self.list() }
        settle(told.former(of: former))
        for name in pods.keys {
            // Looked at one by one: each may be another by the time its turn comes.
            guard let pod = pods[name], let identity = told.enforceable(ToldPods.Pod(pod)) else { continue }
            await enforce(identity, on: name)
        }
    }

    private func settle(_ remaining: Set<FormerHolding>) {
        guard remaining != former else { return }
        former = remaining
        do throws(PodError) { try save() } catch { parts.telemetry.record(.stateNotSaved(reason: "\(error)")) }
    }

    /// Puts a pod's identity into the kernel.
    func enforce(_ identity: NumericIdentity, on name: PodName) async {
        let identity = isShutOut ? .unknown : identity
        guard let pod = pods[name], identity != pod.enforced else { return }
        do throws(DatapathError) {
            try await parts.datapath.setPodIdentity(ifindex: pod.record.device.index, identity: identity)
            if pods[name]?.instance == pod.instance { pods[name]?.enforced = identity }
        } catch {
            parts.telemetry.record(
                .datapathFailed(operation: "changing the identity of pod \(name)", reason: "\(error)"))
        }
        // It may have been meanwhile.
        if isShutOut, identity != .unknown { await enforce(.unknown, on: name) }
    }
}
