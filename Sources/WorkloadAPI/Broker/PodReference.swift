public import AuthorityAPI

/// A pod as a broker names it: by one of the two, or by both, which then have to be of one pod.
public struct PodReference: Sendable, Equatable {
    public struct Name: Sendable, Equatable {
        public let namespace: String
        public let name: String

        public init(namespace: String, name: String) {
            self.namespace = namespace
            self.name = name
        }
    }

    public let name: Name?
    public let uid: PodUID?

    /// One, at least, is not nil.
    public init(name: Name?, uid: PodUID?) {
        self.name = name
        self.uid = uid
    }

    /// Whether a pod is the one that is meant.
    ///
    /// - Parameter uid: nil where nobody has said which it has: such a pod is never the one with a UID.
    public func names(_ pod: PodFacts, uid: PodUID?) -> Bool {
        if let name, name != Name(namespace: pod.namespace, name: pod.name) { return false }
        if let wanted = self.uid, wanted != uid { return false }
        return name != nil || self.uid != nil
    }
}

extension PodReference: CustomStringConvertible {
    public var description: String {
        let words = [name.map { "\($0.namespace)/\($0.name)" }, uid.map { "with UID \($0)" }]
        return words.compactMap(\.self).joined(separator: " ")
    }
}
