public import AuthorityAPI
public import Identity
public import Issuance
internal import PrintableText

/// Which workloads get which identity. A value exists only checked.
public struct RegistrationEntry: Sendable, Equatable {
    /// Given by the authority, 32 hexadecimal digits.
    public let id: String
    public let spiffeID: SPIFFEID
    /// The node on which the workload may run; nil for any.
    public let parent: SPIFFEID?
    /// All of them must hold; sorted by their text.
    public let selectors: [Selector]
    /// Policy labels, signed into the directory with the numeric identity.
    public let labels: PolicyLabels
    public let dnsNames: [String]
    /// Of the SVIDs; nil for the authority's setting.
    public let lifetime: Duration?
    /// Of the JWT-SVIDs; nil for the authority's setting.
    public let jwtLifetime: Duration?
    /// What the workload may choose it by among its identities (SPIFFE_Workload_API.md section 5.2.1); empty for none.
    public let hint: String
    /// Whose bundles the workload may have beside the own one; sorted by name.
    public let federatesWith: [TrustDomain]
    /// Its holder may have a CA of its own signed, and with that be anybody in the trust domain.
    public let isDownstream: Bool
    /// Seconds since 1970.
    public let createdAt: Int64
    /// Counts the changes, from 1 on.
    let edition: UInt64

    /// - Parameter node: the name of the node that the pod is on.
    public func matches(_ pod: PodFacts, on node: String) -> Bool { selectors.allSatisfy { $0.matches(pod, on: node) } }
}

/// An entry as it is asked for.
public struct NewEntry: Sendable, Equatable {
    public var spiffeID: SPIFFEID
    public var parent: SPIFFEID?
    public var selectors: [Selector]
    public var labels: [String: String]
    public var dnsNames: [String]
    public var lifetime: Duration?
    public var jwtLifetime: Duration?
    public var hint: String
    public var federatesWith: Set<TrustDomain>
    public var isDownstream: Bool

    public init(
        spiffeID: SPIFFEID, parent: SPIFFEID? = nil, selectors: [Selector], labels: [String: String] = [:],
        dnsNames: [String] = [], lifetime: Duration? = nil, jwtLifetime: Duration? = nil, hint: String = "",
        federatesWith: Set<TrustDomain> = [], isDownstream: Bool = false
    ) {
        self.federatesWith = federatesWith
        self.isDownstream = isDownstream
        self.spiffeID = spiffeID
        self.parent = parent
        self.selectors = selectors
        self.labels = labels
        self.dnsNames = dnsNames
        self.lifetime = lifetime
        self.jwtLifetime = jwtLifetime
        self.hint = hint
    }

    /// The entry it becomes, if it may.
    package func checked(in trustDomain: TrustDomain, id: String, now: Int64) throws(EntryError) -> RegistrationEntry {
        try checkSelectors()
        if let parent {
            guard parent.trustDomain == trustDomain, case .node = parent.kind else { throw .parentIsNoNode(parent) }
        }
        guard !isDownstream || parent != nil else { throw .downstreamOnAnyNode }
        guard spiffeID.trustDomain == trustDomain else { throw .foreignTrustDomain(spiffeID) }
        guard !federatesWith.contains(trustDomain) else { throw .notFederated(trustDomain) }
        let labels: PolicyLabels
        do throws(LabelError) {
            labels = try PolicyLabels(self.labels)
        } catch {
            throw .badLabels(error)
        }
        // A plan knows what may be issued: no reserved ID, sound DNS names, a sensible lifetime.
        do throws(IssuanceError) {
            _ = try IssuancePlan.workload(
                id: spiffeID, binding: nil, lifetime: lifetime ?? IssuancePlan.defaultLifetime, dnsNames: dnsNames)
            try JWTSVIDPlan.check(jwtLifetime ?? JWTSVIDPlan.defaultLifetime)
        } catch {
            throw .notIssuable(error)
        }
        return RegistrationEntry(
            id: id, spiffeID: spiffeID, parent: parent, selectors: Selector.sorted(selectors), labels: labels,
            dnsNames: dnsNames, lifetime: lifetime, jwtLifetime: jwtLifetime, hint: hint,
            federatesWith: federatesWith.sorted { $0.name < $1.name }, isDownstream: isDownstream,
            createdAt: now, edition: 1)
    }

    static let mostSelectors = 32
    /// In bytes (SPIFFE_Workload_API.md section 5.2.1).
    static let longestHint = 1024

    private func checkSelectors() throws(EntryError) {
        guard !selectors.isEmpty else { throw .noSelectors }
        guard selectors.count <= Self.mostSelectors else { throw .tooManySelectors(selectors.count) }
        guard hint.utf8.count <= Self.longestHint, hint == hint.printable else { throw .badHint(hint) }
        var seen: Set<String> = []
        for selector in selectors where !seen.insert(selector.aspect).inserted {
            throw .repeatedSelector(selector)
        }
    }
}

extension Selector {
    static func sorted(_ selectors: [Selector]) -> [Selector] { selectors.sorted { $0.description < $1.description } }
}

/// Why an entry was not created or deleted.
public enum EntryError: Error, Sendable, Equatable {
    case noSelectors
    case tooManySelectors(Int)
    case repeatedSelector(Selector)
    case badHint(String)
    case parentIsNoNode(SPIFFEID)
    /// Root of each node could have a CA.
    case downstreamOnAnyNode
    case foreignTrustDomain(SPIFFEID)
    case badLabels(LabelError)
    /// Neither a relationship with it nor a bundle of it is there.
    case notFederated(TrustDomain)
    case notIssuable(IssuanceError)
    /// There is an entry with the same ID, parent and selectors.
    case duplicate(entry: String)
    case notFound(entry: String)
    case registry(RegistryError)
}

extension EntryError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .noSelectors: "an entry needs at least one selector"
        case .tooManySelectors(let count): "\(count) selectors are too many"
        case .repeatedSelector(let selector): "'\(selector)' speaks of something that another selector speaks of"
        case .badHint(let hint): "hint \(hint.quoted) has control characters or more than \(NewEntry.longestHint) bytes"
        case .parentIsNoNode(let id): "\(id) is no node of this trust domain"
        case .downstreamOnAnyNode: "an entry whose holder may have a CA needs a node"
        case .foreignTrustDomain(let id): "\(id) is of another trust domain"
        case .badLabels(let error): "\(error)"
        case .notFederated(let trustDomain): "\(trustDomain) is no trust domain that this one federates with"
        case .notIssuable(let error): "\(error)"
        case .duplicate(let entry): "entry \(entry) says the same"
        case .notFound(let entry): "there is no entry \(entry)"
        case .registry(let error): "\(error)"
        }
    }
}
