internal import GRPCCore

/// Why nothing is given.
package enum Denial: Error, Equatable {
    /// The process has ended; the pod or process that a broker refers to is not there.
    case gone
    /// Nothing that is registered fits.
    case noIdentity
    /// The node does not know yet, or the authority does not answer.
    case notReady
    /// The request makes no sense, as this sentence says.
    case badRequest(String)
    /// A key or a message of ours cannot be written down.
    case unencodable

    /// The caller or the broker, or all together, have as many calls as they may have.
    case crowded

    // To brokers alone
    /// The reference makes no sense, as this sentence says.
    case badReference(String)
    /// The broker may not refer to workloads in this way.
    case forbidden(String)
    /// The broker's SVID was good and is so no longer.
    case callerNotTrusted

    /// SPIFFE_Workload_Endpoint.md section 6.
    var status: RPCError {
        switch self {
        case .gone: RPCError(code: .permissionDenied, message: "the process that connected has ended")
        case .noIdentity: RPCError(code: .permissionDenied, message: "no identity is registered for this process")
        case .notReady: RPCError(code: .unavailable, message: "identities are not known yet: try again")
        case .badRequest(let sentence): RPCError(code: .invalidArgument, message: sentence)
        case .badReference(let sentence): RPCError(code: .invalidArgument, message: sentence)
        case .forbidden(let sentence): RPCError(code: .permissionDenied, message: sentence)
        case .callerNotTrusted:
            RPCError(code: .unauthenticated, message: "the SVID of this connection is not valid any more: connect anew")
        case .crowded: RPCError(code: .unavailable, message: "too many calls at one time: end some")
        case .unencodable: RPCError(code: .internalError, message: "the secret cannot be encoded")
        }
    }
}
