import AuthorityAPI
import NetnsProtocol
import NodeIdentity
import PodState

/// A pod that is to be taken on.
struct PodRequest: Sendable, Equatable {
    let facts: PodFacts
    let namespace: NamespacePath
    let interface: String?
}

extension PodRecord {
    var name: PodName { facts.podName }

    /// Whether both speak of one pod in the same words.
    func isSame(as request: PodRequest) -> Bool {
        facts == request.facts && namespace == request.namespace && interface == request.interface
    }
}
