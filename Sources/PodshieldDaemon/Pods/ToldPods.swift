import Addressing
import Identity
import NodeIdentity

/// The pods that authority and peers were told of at one time.
struct ToldPods: Sendable {
    struct Pod: Sendable, Equatable {
        let record: PodRecord
        let identity: NumericIdentity
    }

    private let pods: [PodName: Pod]
    /// Addresses that may still be reached as another identity's.
    private let quarantined: Set<IPAddress>

    init(_ pods: [Pod], quarantined: Set<IPAddress>) {
        self.pods = Dictionary(pods.map { ($0.record.name, $0) }) { $1 }
        self.quarantined = quarantined
    }

    init(_ pods: [HeldPod], quarantined: Set<IPAddress>) {
        self.init(pods.map(Pod.init), quarantined: quarantined)
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
