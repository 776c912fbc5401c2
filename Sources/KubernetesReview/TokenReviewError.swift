internal import HTTPSClient
internal import PrintableText

/// Why a cluster's API did not say whose a token is.
public enum TokenReviewError: Error, Sendable, Equatable {
    // The token
    /// It is not of the form of a token, or longer than one: it is shown to nobody.
    case noToken
    /// The cluster's own words.
    case notAuthenticated(String)
    case otherAudience
    /// The token of somebody else than a service account.
    case noServiceAccount(String)
    /// It is bound to no pod, or the cluster is of before Kubernetes 1.30.
    case noNode

    // The cluster
    case unreachable(String)
    case badAnswer(String)
    /// A status other than success.
    case status(Int)
    /// The authority's own token cannot be read.
    case credentials(String)
}

extension TokenReviewError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .noToken: "it has not the form of a token"
        case .notAuthenticated(""): "the cluster does not know it"
        case .notAuthenticated(let reason): "the cluster does not take it: \(reason.printable)"
        case .otherAudience: "it is not for this authority"
        case .noServiceAccount(let user): "it is \(user.quoted)'s, not a service account's"
        case .noNode: "the cluster does not say on which node it is: it is of no pod, or Kubernetes is older than 1.30"
        case .unreachable(let reason): "the cluster's API does not answer: \(reason)"
        case .badAnswer(let reason): "the answer of the cluster's API makes no sense: \(reason)"
        case .status(403): "the cluster's API does not let the authority review tokens (403)"
        case .status(401): "the cluster's API does not take the authority's own token (401)"
        case .status(let status): "the cluster's API answers with status \(status)"
        case .credentials(let reason): "the authority's own token cannot be had: \(reason)"
        }
    }

    /// Whether the token is to blame, and not the cluster or the way there.
    public var isOfTheToken: Bool {
        switch self {
        case .noToken, .notAuthenticated, .otherAudience, .noServiceAccount, .noNode: true
        case .unreachable, .badAnswer, .status, .credentials: false
        }
    }

    init(_ error: HTTPSError) {
        self = if case .badAnswer(let reason) = error { .badAnswer(reason) } else { .unreachable("\(error)") }
    }
}
