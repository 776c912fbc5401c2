import Addressing
import Identity
import KeyAgreement
import NodeIdentity
import NodeLink
import PodState

/// A pod of this node, as it stands now.
struct HeldPod: Sendable {
    let record: PodRecord
    /// Nil while the authority has given none.
    var issued: IssuedWorkload?
    /// What the kernel has: `.unknown` while all its packets drop.
    var enforced = NumericIdentity.unknown
    /// Why there is no identity; nil when there is one, or nobody has been asked yet.
    var failure: AuthorityCallError?
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
