import Addressing
import Identity
import KeyAgreement
import NodeIdentity
import PodState

/// The pods that authority and peers were told of at one time.
struct ToldPods: Sendable {
    struct Pod: Sendable, Equatable {
        let record: PodRecord
        let identity: NumericIdentity
    }

    private let pods: [PodName: Pod]
    /// Addresses that may still be reached as another identity's.
    private let quarantined: Set<IPAddress>
    /// What was given up, by then, and peers may still take for the former holder's.
    private let released: Set<FormerHolding>

    init(_ pods: [Pod], quarantined: Set<IPAddress> = [], released: Set<FormerHolding> = []) {
        self.pods = Dictionary(pods.map { ($0.record.name, $0) }) { $1 }
        self.quarantined = quarantined
        self.released = released
    }

    /// What a next run has to inherit of these: what was told as hosted has been given up only since.
    func former(of earlier: Set<FormerHolding>) -> Set<FormerHolding> {
        let hosted = Set(pods.values.flatMap { pod in pod.record.holdings(of: pod.identity) })
        return released.union(earlier.intersection(hosted))
    }

    /// Who the pod is to be in the kernel. Nil if it is another now than the one that was told of: what was learned in this
    /// telling says nothing about its addresses, and a later one will.
    func enforceable(_ pod: Pod) -> NumericIdentity? {
        guard pods[pod.record.name] == pod else { return nil }
        return quarantined.isDisjoint(with: pod.record.addresses) ? pod.identity : .unknown
    }
}

extension ToldPods.Pod {
    init(_ pod: HeldPod) { self.init(record: pod.record, identity: pod.issued?.identity ?? .unknown) }
}

extension PodRecord {
    func holdings(of identity: NumericIdentity) -> [FormerHolding] {
        addresses.map { FormerHolding(address: $0, identity: identity) }
    }
}
