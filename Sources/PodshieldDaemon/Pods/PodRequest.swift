package import AuthorityAPI
package import NetnsProtocol
import NodeIdentity
import PodState

/// A pod that is to be taken on.
package struct PodRequest: Sendable, Equatable {
    package let facts: PodFacts
    /// Nil where nobody says.
    package let uid: PodUID?
    package let namespace: NamespacePath
    /// Nil: the first veth.
    package let interface: String?
}

extension PodRecord {
    var name: PodName { facts.podName }

    /// Whether both speak of one pod in the same words; a UID need not be said again, and may be said later.
    func isSame(as request: PodRequest) -> Bool {
        let isSameUID = uid == nil || request.uid == nil || uid == request.uid
        return facts == request.facts && isSameUID && namespace == request.namespace && interface == request.interface
    }
}
