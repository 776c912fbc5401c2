package import AuthorityAPI
package import NetnsProtocol
import NodeIdentity
import PodState

/// A pod that is to be taken on.
package struct PodRequest: Sendable, Equatable {
    package let facts: PodFacts
    package let namespace: NamespacePath
    /// Nil: the first veth.
    package let interface: String?
}

extension PodRecord {
    var name: PodName { facts.podName }

    /// Whether both speak of one pod, whose labels may be others by now; a UID need not be said again, and may be said later.
    func isSame(as request: PodRequest) -> Bool {
        let (uid, other) = (facts.uid, request.facts.uid)
        let isSameUID = uid == nil || other == nil || uid == other
        return facts.podName == request.facts.podName && facts.serviceAccount == request.facts.serviceAccount
            && isSameUID && namespace == request.namespace && interface == request.interface
    }
}
