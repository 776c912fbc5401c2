internal import GRPCCore
internal import GRPCProtobuf

extension Denial {
    /// SPIFFE_Broker_API.md section 4.8, with the reason in a form for programs.
    var brokerStatus: any Error {
        switch self {
        case .gone: Self.status(.notFound, "WORKLOAD_NOT_FOUND", "the workload that is referred to does not exist here")
        case .noIdentity: Self.status(.permissionDenied, "WORKLOAD_NOT_ENTITLED", "no identity is registered for it")
        case .badReference(let sentence): Self.status(.invalidArgument, "WORKLOAD_REFERENCE_INVALID", sentence)
        case .notReady, .badRequest, .unencodable, .forbidden, .callerNotTrusted, .crowded: status
        }
    }

    private static func status(_ code: RPCError.Code, _ reason: String, _ message: String) -> GoogleRPCStatus {
        GoogleRPCStatus(code: code, message: message, details: .errorInfo(reason: reason, domain: "spiffe.io"))
    }
}
