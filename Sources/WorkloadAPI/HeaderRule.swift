internal import GRPCCore
internal import WorkloadProtocol

/// Refuses every call without the header that no request forged through a browser or a proxy has
/// (SPIFFE_Workload_Endpoint.md section 6.1); but for the calls of Envoys, which have none unless they are told to.
struct HeaderRule: ServerInterceptor {
    static let header = "workload.spiffe.io"
    private static let envoys = Envoy_Service_Secret_V3_SecretDiscoveryService.descriptor

    let holdsForEnvoys: Bool

    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>, context: ServerContext,
        next: @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        let isExempt = context.descriptor.service == Self.envoys && !holdsForEnvoys
        guard isExempt || Array(request.metadata[stringValues: Self.header]) == ["true"] else {
            throw RPCError(code: .invalidArgument, message: "the header \(Self.header): true is missing")
        }
        return try await next(request, context)
    }
}
