import PrintableText

/// What a node says of a pod on it. Nodes are believed about their own pods, and only the entries of their own are open to
/// them.
public struct PodFacts: Sendable, Equatable {
    public let namespace: String
    public let serviceAccount: String
    public let name: String
    public let labels: [String: String]

    public init(
        namespace: String, serviceAccount: String, name: String, labels: [String: String]
    ) throws(PodFactsError) {
        for field in [namespace, serviceAccount, name] where !Self.isName(field) { throw .badName(field) }
        do throws(LabelError) {
            self.labels = try PolicyLabels(labels).values
        } catch {
            throw .badLabels(error)
        }
        self.namespace = namespace
        self.serviceAccount = serviceAccount
        self.name = name
    }

    /// Letters, digits, `.`, `_`, `-`; one segment of a SPIFFE ID's path, and no dot segment.
    public static func isName(_ text: String) -> Bool {
        (1...253).contains(text.utf8.count) && text != "." && text != ".."
            && text.utf8.allSatisfy { $0.isASCIILetterOrDigit || "._-".utf8.contains($0) }
    }
}

public enum PodFactsError: Error, Sendable, Equatable {
    case badName(String)
    case badLabels(LabelError)
}

extension PodFactsError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .badName(let name): "\(name.quoted) is no name of a namespace, service account or pod"
        case .badLabels(let error): "\(error)"
        }
    }
}

extension Podshield_Authority_V1_PodFacts {
    public init(_ pod: PodFacts) {
        self.init()
        namespace = pod.namespace
        serviceAccount = pod.serviceAccount
        name = pod.name
        labels = pod.labels
    }

    public func parsed() throws(PodFactsError) -> PodFacts {
        try PodFacts(namespace: namespace, serviceAccount: serviceAccount, name: name, labels: labels)
    }
}
