import PrintableText

/// What a node says of a pod on it. Nodes are believed about their own pods, and only the entries of their own are open to
/// them.
public struct PodFacts: Sendable, Equatable {
    public let namespace: String
    public let serviceAccount: String
    public let name: String
    public let labels: [String: String]
    /// As Kubernetes gave it; nil as long as nobody has said.
    public private(set) var uid: PodUID?

    public init(
        namespace: String, serviceAccount: String, name: String, labels: [String: String], uid: PodUID? = nil
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
        self.uid = uid
    }

    /// The same with a UID that was said before, if none is said now.
    public func keeping(_ uid: PodUID?) -> PodFacts {
        var facts = self
        facts.uid = self.uid ?? uid
        return facts
    }

    /// Whether the other says all this and no more than a UID besides.
    public func isPart(of other: PodFacts) -> Bool { keeping(other.uid) == other }

    /// Letters, digits, `.`, `_`, `-`; one segment of a SPIFFE ID's path, and no dot segment.
    public static func isName(_ text: String) -> Bool {
        (1...253).contains(text.utf8.count) && text != "." && text != ".."
            && text.utf8.allSatisfy { $0.isASCIILetterOrDigit || "._-".utf8.contains($0) }
    }
}

public enum PodFactsError: Error, Sendable, Equatable {
    case badName(String)
    case badLabels(LabelError)
    case badUID(String)
}

extension PodFactsError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .badName(let name): "\(name.quoted) is no name of a namespace, service account or pod"
        case .badLabels(let error): "\(error)"
        case .badUID(let uid): "\(uid.quoted) is no UID of a pod"
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
        uid = pod.uid?.text ?? ""
    }

    public func parsed() throws(PodFactsError) -> PodFacts {
        let known = PodUID(uid)
        guard uid == known?.text ?? "" else { throw .badUID(uid) }
        return try PodFacts(
            namespace: namespace, serviceAccount: serviceAccount, name: name, labels: labels, uid: known)
    }
}
