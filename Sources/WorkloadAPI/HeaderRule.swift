internal import GRPCCore
internal import WorkloadProtocol

/// Refuses every call without the header that no request forged through a browser or a proxy has
/// (SPIFFE_Workload_Endpoint.md section 6.1, SPIFFE_Broker_Endpoint.md section 3).
struct HeaderRule: ServerInterceptor {
    let header: String
    let exempt: ServiceDescriptor?

    /// Of the Workload API. Calls of Envoys have no header unless they are told to.
    static func workloads(holdsForEnvoys: Bool) -> HeaderRule {
        let envoys = Envoy_Service_Secret_V3_SecretDiscoveryService.descriptor
        return HeaderRule(header: "workload.spiffe.io", exempt: holdsForEnvoys ? nil : envoys)
    }

    /// Of the Broker API: without exception.
    static let brokers = HeaderRule(header: "broker.spiffe.io", exempt: nil)

    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>, context: ServerContext,
        next: @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        let isExempt = context.descriptor.service == exempt
        guard isExempt || Array(request.metadata[stringValues: header]) == ["true"] else {
            throw RPCError(code: .invalidArgument, message: "the header \(header): true is missing")
        }
        return try await next(request, context)
    }
}
