internal import GRPCCore

/// Why a caller gets nothing.
enum Denial: Error, Equatable {
    /// The process has ended.
    case gone
    /// Nothing that is registered fits.
    case noIdentity
    /// The node does not know yet, or the authority does not answer.
    case notReady
    /// The request makes no sense, as this sentence says.
    case badRequest(String)
    /// A key or a message of ours cannot be written down.
    case unencodable

    /// SPIFFE_Workload_Endpoint.md section 6.
    var status: RPCError {
        switch self {
        case .gone: RPCError(code: .permissionDenied, message: "the process that connected has ended")
        case .noIdentity: RPCError(code: .permissionDenied, message: "no identity is registered for this process")
        case .notReady: RPCError(code: .unavailable, message: "identities are not known yet: try again")
        case .badRequest(let sentence): RPCError(code: .invalidArgument, message: sentence)
        case .unencodable: RPCError(code: .internalError, message: "the secret cannot be encoded")
        }
    }
}
