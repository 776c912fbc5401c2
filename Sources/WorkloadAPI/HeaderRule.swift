internal import GRPCCore

/// Refuses every call without the header that no request forged through a browser or a proxy has
/// (SPIFFE_Workload_Endpoint.md section 6.1).
struct HeaderRule: ServerInterceptor {
    static let header = "workload.spiffe.io"

    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>, context: ServerContext,
        next: @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        guard Array(request.metadata[stringValues: Self.header]) == ["true"] else {
            throw RPCError(code: .invalidArgument, message: "the header \(Self.header): true is missing")
        }
        return try await next(request, context)
    }
}
