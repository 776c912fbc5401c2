public import AuthorityAPI

/// One fact that a pod must have for an entry to be its.
public enum Selector: Hashable, Sendable {
    case namespace(String)
    case serviceAccount(String)
    case podName(String)
    case podLabel(key: String, value: String)

    public func matches(_ pod: PodFacts) -> Bool {
        switch self {
        case .namespace(let name): pod.namespace == name
        case .serviceAccount(let name): pod.serviceAccount == name
        case .podName(let name): pod.name == name
        case .podLabel(let key, let value): pod.labels[key] == value
        }
    }

    /// Selectors with the same aspect and different values can never hold together.
    var aspect: String {
        switch self {
        case .namespace: "ns"
        case .serviceAccount: "sa"
        case .podName: "pod-name"
        case .podLabel(let key, _): "pod-label:\(key)"
        }
    }
}

/// The text form of SPIRE: `k8s:ns:shop`, `k8s:sa:web`, `k8s:pod-name:web-0`, `k8s:pod-label:app:web`.
extension Selector: LosslessStringConvertible {
    public init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3, parts[0] == "k8s" else { return nil }
        switch parts[1] {
        case "ns" where PodFacts.isName(parts[2]): self = .namespace(parts[2])
        case "sa" where PodFacts.isName(parts[2]): self = .serviceAccount(parts[2])
        case "pod-name" where PodFacts.isName(parts[2]): self = .podName(parts[2])
        case "pod-label":
            let label = parts[2].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard label.count == 2, (try? PolicyLabels([label[0]: label[1]])) != nil else { return nil }
            self = .podLabel(key: label[0], value: label[1])
        default: return nil
        }
    }

    public var description: String {
        switch self {
        case .namespace(let name): "k8s:ns:\(name)"
        case .serviceAccount(let name): "k8s:sa:\(name)"
        case .podName(let name): "k8s:pod-name:\(name)"
        case .podLabel(let key, let value): "k8s:pod-label:\(key):\(value)"
        }
    }
}
