public import Identity
internal import PrintableText

/// What is taken back before its time.
public enum RevocationSubject: Sendable, Equatable {
    /// Everything of that name; none is issued until it is lifted.
    case spiffeID(SPIFFEID)
    /// One certificate, for good. Whoever is entitled gets another.
    case serial(String)
    /// Everything that was issued by the entry; none is until it is lifted.
    case entry(String)
    /// A node and all that was issued to it; it is banned, and evicting it is what lifts that.
    case node(String)

    /// As commands and the registry spell it.
    public var kind: String {
        switch self {
        case .spiffeID: "spiffe-id"
        case .serial: "serial"
        case .entry: "entry"
        case .node: "node"
        }
    }

    public var name: String {
        switch self {
        case .spiffeID(let id): "\(id)"
        case .serial(let text), .entry(let text), .node(let text): text
        }
    }
}

extension RevocationSubject: CustomStringConvertible {
    public var description: String { "\(kind) \(name.quoted)" }
}

/// Who took what back, why and when.
public struct Revocation: Sendable, Equatable {
    /// As `RevocationSubject` spells it.
    public let kind: String
    public let name: String
    public let reason: RevocationReason
    /// Of the operator.
    public let user: UInt32
    /// Seconds since 1970.
    public let revokedAt: Int64
}

/// A certificate that the authority has issued and that has not ended.
public struct CertificateRecord: Sendable, Equatable {
    /// Lower-case hexadecimal.
    public let serial: String
    public let spiffeID: String
    /// Whose it is, or on which its workload is; 0 for none.
    public let node: UInt32
    /// The ID of the entry that decided; empty for none.
    public let entry: String
    /// Seconds since 1970.
    public let notAfter: Int64
    /// Nil while it is good.
    public let revokedAt: Int64?
}

/// Why nothing was taken back, or lifted.
public enum RevocationError: Error, Sendable, Equatable {
    /// Nothing of that name; or, to be lifted, nothing revoked.
    case notFound(RevocationSubject)
    /// Workloads of this trust domain have names that can be revoked.
    case notAWorkload(SPIFFEID)
    /// A certificate stays revoked, and a node is evicted.
    case notLiftable(RevocationSubject)
    case registry(RegistryError)
}

extension RevocationError: RegistryFailure, CustomStringConvertible {
    public var description: String {
        switch self {
        case .notFound(let subject): "there is no \(subject) to be revoked or lifted"
        case .notAWorkload(let id): "\(id) is no workload of this trust domain"
        case .notLiftable(.node(let name)): "a node is let in again by evicting it: node \(name.quoted)"
        case .notLiftable(let subject): "\(subject) stays revoked"
        case .registry(let error): "\(error)"
        }
    }
}
