internal import AuthorityAPI
public import Identity
internal import PrintableText

/// How pods without an entry are named, such as `/ns/{namespace}/sa/{service-account}`.
///
/// A placeholder is a whole segment, and the first segment is none: so whatever a tenant calls its things, it cannot reach
/// another place in the tree, nor make two different pods' facts one ID.
public struct IdentityTemplate: Sendable, Equatable {
    fileprivate enum Segment: Sendable, Equatable {
        case literal(String)
        case namespace
        case serviceAccount
        case podName
    }

    private let segments: [Segment]

    public static let standard = IdentityTemplate([.literal("ns"), .namespace, .literal("sa"), .serviceAccount])

    private init(_ segments: [Segment]) { self.segments = segments }

    /// Parses a template; the placeholders are `{namespace}`, `{service-account}` and `{pod-name}`.
    public init(_ text: String) throws(IdentityTemplateError) {
        guard text.hasPrefix("/") else { throw .malformed(text) }
        var segments: [Segment] = []
        for part in text.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            segments.append(try Self.segment(String(part), of: text))
        }
        guard case .literal(let first) = segments[0], first != "podshield" else { throw .openRoot(text) }
        guard !segments.allSatisfy(\.isLiteral) else { throw .namesEverythingAlike(text) }
        self.segments = segments
    }

    private static func segment(_ part: String, of text: String) throws(IdentityTemplateError) -> Segment {
        switch part {
        case "{namespace}": return .namespace
        case "{service-account}": return .serviceAccount
        case "{pod-name}": return .podName
        default:
            guard PodFacts.isName(part) else { throw .malformed(text) }
            return .literal(part)
        }
    }

    /// The name of a pod. Facts are segments already, so only the length can be wrong.
    func id(of pod: PodFacts, in trustDomain: TrustDomain) throws(SPIFFEIDError) -> SPIFFEID {
        let path = segments.map { "/" + $0.text(pod) }.joined()
        return try SPIFFEID(trustDomain: trustDomain, path: path)
    }
}

extension IdentityTemplate.Segment {
    fileprivate var isLiteral: Bool {
        if case .literal = self { true } else { false }
    }

    fileprivate func text(_ pod: PodFacts) -> String {
        switch self {
        case .literal(let text): text
        case .namespace: pod.namespace
        case .serviceAccount: pod.serviceAccount
        case .podName: pod.name
        }
    }
}

public enum IdentityTemplateError: Error, Sendable, Equatable {
    case malformed(String)
    /// The first segment could become anything, or is reserved.
    case openRoot(String)
    case namesEverythingAlike(String)
}

extension IdentityTemplateError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .malformed(let text):
            "template \(text.quoted) is not made of plain segments, {namespace}, {service-account} and {pod-name}"
        case .openRoot(let text):
            "template \(text.quoted) must begin with a segment of its own, not a placeholder or podshield"
        case .namesEverythingAlike(let text): "template \(text.quoted) has no placeholder"
        }
    }
}

/// Which nodes' pods are named by a template when no entry speaks of them.
public struct AutoRegistration: Sendable, Equatable {
    public enum Scope: Sendable, Equatable {
        case none
        case node(SPIFFEID)
        case allNodes
    }

    public var scope: Scope
    public var template: IdentityTemplate

    public init(scope: Scope, template: IdentityTemplate = .standard) {
        self.scope = scope
        self.template = template
    }

    public static let off = AutoRegistration(scope: .none)

    func covers(_ node: SPIFFEID) -> Bool {
        switch scope {
        case .none: false
        case .node(let only): node == only
        case .allNodes: true
        }
    }
}
