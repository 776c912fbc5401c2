/// One fact that a workload must have for an entry to be its.
public enum Selector: Hashable, Sendable {
    // Of the pod that it runs in.
    case namespace(String)
    case serviceAccount(String)
    case podName(String)
    case podUID(PodUID)
    case podLabel(key: String, value: String)
    /// Of the node that the pod is on: as it is called here.
    case nodeName(String)
    // Of the container that it runs in, by its runtime.
    case containerName(String)
    /// As the runtime calls it, or by its digest or ID.
    case containerImage(String)
    // Of the process.
    case userID(UInt32)
    case userName(String)
    case groupID(UInt32)
    case groupName(String)
    case supplementaryGroupID(UInt32)
    /// Absolute. The file that lies there on the node, which a file of a container at the same path is not.
    case executablePath(String)
    /// Of the executable's contents, 64 lower-case hexadecimal digits.
    case executableDigest(String)
    /// The system's unit that the process belongs to, such as `nginx.service`.
    case systemdUnit(String)

    /// Whether it is a fact of this pod on a node of this name; facts of containers and processes are those of no pod.
    public func matches(_ pod: PodFacts, on node: String) -> Bool {
        switch self {
        case .namespace(let name): pod.namespace == name
        case .serviceAccount(let name): pod.serviceAccount == name
        case .podName(let name): pod.name == name
        case .podUID(let uid): pod.uid == uid
        case .nodeName(let name): name == node
        case .podLabel(let key, let value): pod.labels[key] == value
        default: false
        }
    }

    /// Of what it is a fact.
    public enum Kind: Sendable {
        case namespace, serviceAccount, podName, podUID, podLabel, nodeName
        case containerName, containerImage
        case userID, userName, groupID, groupName, supplementaryGroupID
        case executablePath, executableDigest, systemdUnit

        /// What it takes to know such a fact of a workload: a file of the kernel's is dearer than what came with the
        /// connection, the container runtime dearer than that, as it is asked once for each container, a directory service
        /// dearer still, and an executable has to be read.
        public var cost: Int {
            switch self {
            case .executableDigest: 4
            case .userName, .groupName: 3
            case .containerName, .containerImage: 2
            case .executablePath, .systemdUnit: 1
            default: 0
            }
        }

        /// Whether not every caller is worth it. Those that are given from outside cost less than the others.
        public var isDear: Bool { cost > 1 }

        /// Whether a process cannot bring it about from within: in a container of its own anyone may be any user.
        public var isGivenFromOutside: Bool {
            switch self {
            case .namespace, .serviceAccount, .podName, .podUID, .podLabel, .nodeName, .containerName, .containerImage,
                .systemdUnit:
                true
            default: false
            }
        }
    }

    public var kind: Kind {
        switch self {
        case .namespace: .namespace
        case .serviceAccount: .serviceAccount
        case .podName: .podName
        case .podUID: .podUID
        case .podLabel: .podLabel
        case .nodeName: .nodeName
        case .containerName: .containerName
        case .containerImage: .containerImage
        case .userID: .userID
        case .userName: .userName
        case .groupID: .groupID
        case .groupName: .groupName
        case .supplementaryGroupID: .supplementaryGroupID
        case .executablePath: .executablePath
        case .executableDigest: .executableDigest
        case .systemdUnit: .systemdUnit
        }
    }

    /// Selectors with the same aspect and different values can never hold together.
    package var aspect: String {
        switch self {
        case .podLabel(let key, _): "k8s:pod-label:\(key)"
        // A process has as many as it likes, and an image several names.
        case .supplementaryGroupID, .containerImage: description
        default: words.kind
        }
    }
}

extension Selector {
    /// The text form of SPIRE, such as `k8s:ns:shop` and `unix:uid:1000`. Nil for what is no selector, or one that no
    /// workload could ever have.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 3 else { return nil }
        let value = parts[2]
        switch "\(parts[0]):\(parts[1])" {
        case "k8s:ns" where PodFacts.isName(value): self = .namespace(value)
        case "k8s:sa" where PodFacts.isName(value): self = .serviceAccount(value)
        case "k8s:pod-name" where PodFacts.isName(value): self = .podName(value)
        case "k8s:node-name" where PodFacts.isName(value): self = .nodeName(value)
        case "k8s:container-name" where PodFacts.isName(value): self = .containerName(value)
        case "k8s:container-image" where ContainerFacts.isImage(value): self = .containerImage(value)
        case "k8s:pod-uid":
            // In the one spelling that Kubernetes has.
            guard let uid = PodUID(value), uid.text == value else { return nil }
            self = .podUID(uid)
        case "k8s:pod-label":
            guard let label = Self.label(value) else { return nil }
            self = label
        case "unix:user" where Self.isAccount(value): self = .userName(value)
        case "unix:group" where Self.isAccount(value): self = .groupName(value)
        case "unix:path" where Self.isPath(value): self = .executablePath(value)
        case "unix:sha256" where Self.isDigest(value): self = .executableDigest(value)
        case "systemd:unit" where Self.isUnit(value): self = .systemdUnit(value)
        case let kind:
            guard let number = Self.number(value), let selector = Self.numbered(kind, number) else { return nil }
            self = selector
        }
    }

    private static func label(_ text: String) -> Selector? {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, (try? PolicyLabels([parts[0]: parts[1]])) != nil else { return nil }
        return .podLabel(key: parts[0], value: parts[1])
    }

    private static func numbered(_ kind: String, _ number: UInt32) -> Selector? {
        switch kind {
        case "unix:uid": .userID(number)
        case "unix:gid": .groupID(number)
        case "unix:supplementary_gid": .supplementaryGroupID(number)
        default: nil
        }
    }

    /// The one spelling of a number; all ones stand for nobody (chown(2)).
    private static func number(_ text: String) -> UInt32? {
        UInt32(text).flatMap { "\($0)" == text && $0 != .max ? $0 : nil }
    }

    /// A name of passwd(5) or group(5), those of directory services among them.
    private static func isAccount(_ text: String) -> Bool {
        (1...256).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
            && !text.utf8.contains(UInt8(ascii: ":"))
    }

    private static func isPath(_ text: String) -> Bool {
        text.hasPrefix("/") && text.utf8.count < 4096 && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f }
    }

    private static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 64 && text.isLowercaseHexadecimal
    }

    /// systemd.unit(5), of the kinds that have processes.
    private static func isUnit(_ text: String) -> Bool {
        text.utf8.count <= 255 && (text.hasSuffix(".service") || text.hasSuffix(".scope"))
            && text.utf8.allSatisfy { $0.isASCIILetterOrDigit || ":-_.\\@".utf8.contains($0) }
    }
}

extension Selector: LosslessStringConvertible {
    private var words: (kind: String, value: String) {
        switch self {
        case .namespace(let name): ("k8s:ns", name)
        case .serviceAccount(let name): ("k8s:sa", name)
        case .podName(let name): ("k8s:pod-name", name)
        case .podUID(let uid): ("k8s:pod-uid", uid.text)
        case .podLabel(let key, let value): ("k8s:pod-label", "\(key):\(value)")
        case .nodeName(let name): ("k8s:node-name", name)
        case .containerName(let name): ("k8s:container-name", name)
        case .containerImage(let image): ("k8s:container-image", image)
        case .userID(let number): ("unix:uid", "\(number)")
        case .userName(let name): ("unix:user", name)
        case .groupID(let number): ("unix:gid", "\(number)")
        case .groupName(let name): ("unix:group", name)
        case .supplementaryGroupID(let number): ("unix:supplementary_gid", "\(number)")
        case .executablePath(let path): ("unix:path", path)
        case .executableDigest(let digest): ("unix:sha256", digest)
        case .systemdUnit(let name): ("systemd:unit", name)
        }
    }

    public var description: String { "\(words.kind):\(words.value)" }
}
