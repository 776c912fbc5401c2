/// What the container runtime of a node says of one of its containers. What no selector can say is left out.
public struct ContainerFacts: Sendable, Equatable {
    /// The pod that a container is of, as the kubelet told the runtime.
    public struct Pod: Sendable, Equatable {
        public let namespace: String
        public let name: String
        /// Nil for one that is no UUID, as those of static pods are.
        public let uid: PodUID?

        public init(namespace: String, name: String, uid: PodUID?) {
            self.namespace = namespace
            self.name = name
            self.uid = uid
        }
    }

    /// Its name in the pod.
    public let name: String?
    /// What it was made of: as the runtime calls the image, and by the image's digest or ID.
    public let images: Set<String>
    /// Nil for a container of no pod.
    public let pod: Pod?

    public init(name: String, images: [String], pod: Pod?) {
        self.name = PodFacts.isName(name) ? name : nil
        self.images = Set(images.filter(Self.isImage))
        self.pod = pod
    }

    /// Whether it is a container of this pod, as far as UIDs are known.
    public func isPart(of other: PodFacts) -> Bool {
        guard let pod, pod.namespace == other.namespace, pod.name == other.name else { return false }
        return other.uid == nil || pod.uid == other.uid
    }

    /// A reference of an image, such as `registry.example/shop/web:1`, or its ID.
    public static func isImage(_ text: String) -> Bool {
        (1...1024).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    }
}

/// What is known of a container.
public enum ContainerKnowledge: Sendable, Equatable {
    case known(ContainerFacts)
    /// There is nobody to ask, or who was asked has no such container.
    case unknown
    /// The runtime gives no answer for now.
    case unanswered
}
