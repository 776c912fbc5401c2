import Addressing
import AuthorityAPI
import Identity
import KeyAgreement
import NodeIdentity
import NodeLink
import PodState
import WorkloadAPI

/// A pod of this node, as it stands now.
struct HeldPod: Sendable {
    var record: PodRecord
    /// Another for each pod that is taken on, whatever name and device it has; of this run alone.
    let instance = UInt64.random(in: .min ... .max)
    /// Nil while the authority has given none.
    var issued: IssuedWorkload?
    /// The facts that `issued` is for, while the authority is asked for another for what they are now.
    var formerFacts: PodFacts?
    /// What the kernel has: `.unknown` while all its packets drop.
    var enforced = NumericIdentity.unknown
    /// Why there is no identity; nil when there is one, or nobody has been asked yet.
    var failure: AuthorityCallError?
}

extension HeldPod {
    /// Whether that is its identity: for what is true of it, though its UID came to be known later, or was until the authority is done
    /// with what is true now.
    func isFor(_ issued: IssuedWorkload) -> Bool {
        issued.pod.isPart(of: record.facts) || issued.pod == formerFacts
    }
}

extension [PodName: HeldPod] {
    /// The pod that a broker names. None where several have the UID, as files of an earlier version may say.
    func pod(_ reference: PodReference) -> HeldPod? {
        if let name = reference.name {
            let pod = self[PodName(namespace: name.namespace, name: name.name)]
            return pod?.isNamed(by: reference) == true ? pod : nil
        }
        let found = values.filter { $0.isNamed(by: reference) }
        return found.count == 1 ? found.first : nil
    }

    /// The pod that has a UID, if it is another than this one.
    func holder(of uid: PodUID?, beside name: PodName) -> PodName? {
        guard let uid else { return nil }
        return values.first { $0.record.facts.uid == uid && $0.record.name != name }?.record.name
    }
}

extension HeldPod {
    fileprivate func isNamed(by reference: PodReference) -> Bool {
        reference.names(record.facts, uid: record.facts.uid)
    }
}

extension Sequence<HeldPod> {
    /// What this node hosts: pods of one identity are one workload, which proves itself by the SVID that lives longest.
    var workloads: [HostedWorkload] {
        Dictionary(grouping: self.filter { $0.issued != nil }) { $0.issued!.identity }.values.compactMap { pods in
            let newest = pods.map { $0.issued!.svid }.max { $0.svid.notAfter < $1.svid.notAfter }!
            return HostedWorkload(svid: newest, addresses: Set(pods.flatMap(\.record.addresses)))
        }
    }

    /// What they send from.
    var leases: Set<IPPrefix> { Set(flatMap { $0.record.addresses.map(IPPrefix.init(single:)) }) }
}
