internal import PrintableText

/// Why a machine's certificate lets no node in.
public enum MachineRejection: Error, Sendable, Equatable {
    /// This authority was told of no issuer.
    case notConfigured
    // The chain
    case tooMuch
    case unreadable(String)
    case unsuitableKey
    case unknownIssuer
    case expired
    case notYetValid
    case invalidPath(String)
    // The leaf
    case authority
    case notForSignatures
    case notForClients
    case noName(MachineCertificates.Naming)
    case badName(String)
    /// The proof is not by the certificate's key, or was made on another connection, or for another request.
    case notOfThisConnection
}

extension MachineRejection: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notConfigured: "this authority lets no nodes in by certificate"
        case .tooMuch:
            "not one to \(MachineCertificates.mostCertificates) certificates of at most "
                + "\(MachineCertificates.mostBytes) bytes"
        case .unreadable(let reason): "it cannot be read: \(reason)"
        case .unsuitableKey: "a certificate of the chain is not of version 3, or its key is too weak or of another kind"
        case .unknownIssuer: "no issuer of machines' certificates vouches for it"
        case .expired: "it, or one that issued it, has expired"
        case .notYetValid: "it, or one that issued it, is not valid yet"
        case .invalidPath(let reason): "its chain is not valid: \(reason)"
        case .authority: "it is an authority's, not a machine's"
        case .notForSignatures: "its key usage does not have digital signatures"
        case .notForClients:
            "its extended key usage, or that of one that issued it, does not have client authentication"
        case .noName(.commonName): "it does not have one common name"
        case .noName(.dnsName): "it does not have one DNS name"
        case .badName(let name): "it names \(name.quoted), which is no name for a node"
        case .notOfThisConnection: "the proof is not by its key, or not of this connection and request"
        }
    }
}
