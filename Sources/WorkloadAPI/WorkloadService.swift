internal import GRPCCore
internal import OpenSSLBinding
internal import WorkloadProtocol

/// The calls of the Workload API.
struct WorkloadService: SpiffeWorkloadAPI.ServiceProtocol {
    let attestor: Attestor
    let connections: Connections

    private func stream(_ metadata: Metadata) throws -> EntitlementStream {
        guard let number = ConnectionStamp.number(of: metadata), let caller = connections.caller(number) else {
            throw Denial.gone.status
        }
        return EntitlementStream(attestor: attestor, caller: caller)
    }

    // MARK: X.509

    func fetchX509SVID(
        request: ServerRequest<X509SVIDRequest>, context: ServerContext
    ) async throws -> StreamingServerResponse<X509SVIDResponse> {
        let stream = try stream(request.metadata)
        return StreamingServerResponse { writer in
            try await stream.run(context, { $0 }) { try await writer.write(Self.svids($0)) }
            return [:]
        }
    }

    private static func svids(_ entitlement: Entitlement) throws -> X509SVIDResponse {
        do throws(OpenSSLError) { return try X509SVIDResponse(entitlement) } catch {
            throw RPCError(code: .internalError, message: "the key cannot be encoded")
        }
    }

    func fetchX509Bundles(
        request: ServerRequest<X509BundlesRequest>, context: ServerContext
    ) async throws -> StreamingServerResponse<X509BundlesResponse> {
        let stream = try stream(request.metadata)
        return StreamingServerResponse { writer in
            try await stream.run(context, \.bundle) { try await writer.write(X509BundlesResponse($0)) }
            return [:]
        }
    }

    // MARK: Not offered

    private static let unimplemented = RPCError(code: .unimplemented, message: "this profile is not offered")

    func fetchJWTSVID(
        request: ServerRequest<JWTSVIDRequest>, context: ServerContext
    ) async throws -> ServerResponse<JWTSVIDResponse> { throw Self.unimplemented }

    func fetchJWTBundles(
        request: ServerRequest<JWTBundlesRequest>, context: ServerContext
    ) async throws -> StreamingServerResponse<JWTBundlesResponse> { throw Self.unimplemented }

    func validateJWTSVID(
        request: ServerRequest<ValidateJWTSVIDRequest>, context: ServerContext
    ) async throws -> ServerResponse<ValidateJWTSVIDResponse> { throw Self.unimplemented }

    func fetchWITSVID(
        request: ServerRequest<WITSVIDRequest>, context: ServerContext
    ) async throws -> StreamingServerResponse<WITSVIDResponse> { throw Self.unimplemented }

    func fetchWITBundles(
        request: ServerRequest<WITBundlesRequest>, context: ServerContext
    ) async throws -> StreamingServerResponse<WITBundlesResponse> { throw Self.unimplemented }
}
