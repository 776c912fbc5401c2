public import Identity
public import JOSE
internal import PrintableText

/// Why the bundle of another trust domain is not to be had.
public enum FederationError: Error, Sendable, Equatable {
    case badURL(String)
    case ownTrustDomain
    /// The endpoint shows itself by an SVID of a trust domain whose bundle is not held.
    case noBundle(TrustDomain)
    case noWebRoots(path: String, reason: String)
    /// It is not reached, not trusted, or makes no sense.
    case endpoint(String)
    /// It answered with another status than 200.
    case status(Int)
    case document(BundleDocumentError)
    /// Larger than is passed on to nodes.
    case tooLarge(bytes: Int)
    /// An older document than the one that is held.
    case rolledBack(from: UInt64, to: UInt64)
}

extension FederationError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .badURL(let text): "\(text.quoted) is no https URL without a user and a fragment"
        case .ownTrustDomain: "a trust domain does not federate with itself"
        case .noBundle(let trustDomain):
            "no bundle of \(trustDomain) is held by which the endpoint could show itself; give a first one"
        case .noWebRoots(let path, let reason): "the roots of the web in \(path) cannot be used: \(reason)"
        case .endpoint(let reason): reason
        case .status(let status): "the endpoint answers with status \(status)"
        case .document(let error): "\(error)"
        case .tooLarge(let bytes): "the bundle has \(bytes) bytes, \(ForeignBundle.largest) are the most"
        case .rolledBack(let from, let to): "the bundle goes back from sequence \(from) to \(to)"
        }
    }
}
