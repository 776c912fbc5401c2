internal import GRPCCore
internal import Identity
internal import JOSE
internal import OpenSSLBinding
internal import WorkloadProtocol

/// The calls of the Workload API.
struct WorkloadService: SpiffeWorkloadAPI.ServiceProtocol {
    let attestor: Attestor
    let connections: Connections
    let processes: ProcessWatch

    private func stream<Part>(
        for caller: Caller, _ part: @escaping @Sendable (IdentityWatch) async throws(Denial) -> Part
    ) -> ChangeStream<Part> {
        ChangeStream(identities: attestor.identities, processes: processes, process: caller.process, part: part)
    }

    /// Runs `body`; a denial becomes a status.
    private func answering<Answer>(_ body: () async throws(Denial) -> Answer) async throws -> Answer {
        do throws(Denial) { return try await body() } catch { throw error.status }
    }

    // MARK: X.509

    func fetchX509SVID(
        request: ServerRequest<X509SVIDRequest>, context: ServerContext
    ) async throws -> StreamingServerResponse<X509SVIDResponse> {
        let caller = try connections.caller(of: request.metadata)
        let stream = stream(for: caller) { [attestor] (watch) throws(Denial) in
            try await attestor.x509Context(of: .process(caller), following: watch)
        }
        return StreamingServerResponse { writer in
            try await stream.run(context) { try await writer.write(Self.svids($0)) }
            return [:]
        }
    }

    private static func svids(_ context: X509Context) throws -> X509SVIDResponse {
        do throws(OpenSSLError) { return try X509SVIDResponse(context) } catch {
            throw RPCError(code: .internalError, message: "the key cannot be encoded")
        }
    }

    func fetchX509Bundles(
        request: ServerRequest<X509BundlesRequest>, context: ServerContext
    ) async throws -> StreamingServerResponse<X509BundlesResponse> {
        let caller = try connections.caller(of: request.metadata)
        let stream = stream(for: caller) { [attestor] (_) throws(Denial) in
            try await attestor.bundles(for: .process(caller))
        }
        return StreamingServerResponse { writer in
            try await stream.run(context) { try await writer.write(X509BundlesResponse($0)) }
            return [:]
        }
    }

    // MARK: JWT

    func fetchJWTSVID(
        request: ServerRequest<JWTSVIDRequest>, context: ServerContext
    ) async throws -> ServerResponse<JWTSVIDResponse> {
        let caller = try connections.caller(of: request.metadata)
        let tokens = try await answering { () throws(Denial) in
            let wish = try TokenWish(request.message.audience, id: request.message.spiffeID)
            return try await attestor.tokens(of: .process(caller), wish)
        }
        return ServerResponse(message: JWTSVIDResponse(tokens))
    }

    func fetchJWTBundles(
        request: ServerRequest<JWTBundlesRequest>, context: ServerContext
    ) async throws -> StreamingServerResponse<JWTBundlesResponse> {
        let caller = try connections.caller(of: request.metadata)
        let stream = stream(for: caller) { [attestor] (_) throws(Denial) in
            try await attestor.jwtBundles(for: .process(caller))
        }
        return StreamingServerResponse { writer in
            try await stream.run(context) { try await writer.write(JWTBundlesResponse($0)) }
            return [:]
        }
    }

    func validateJWTSVID(
        request: ServerRequest<ValidateJWTSVIDRequest>, context: ServerContext
    ) async throws -> ServerResponse<ValidateJWTSVIDResponse> {
        let message = request.message
        let caller = try connections.caller(of: request.metadata)
        let answer = try await answering { () throws(Denial) in
            guard !message.audience.isEmpty, !message.svid.isEmpty else {
                throw .badRequest("audience and svid are mandatory")
            }
            return try ValidateJWTSVIDResponse(
                try await attestor.validate(message.svid, audience: message.audience, for: caller))
        }
        return ServerResponse(message: answer)
    }

    // MARK: WIT, which is optional

    private static let unimplemented = RPCError(code: .unimplemented, message: "this profile is not offered")

    func fetchWITSVID(
        request: ServerRequest<WITSVIDRequest>, context: ServerContext
    ) async throws -> StreamingServerResponse<WITSVIDResponse> { throw Self.unimplemented }

    func fetchWITBundles(
        request: ServerRequest<WITBundlesRequest>, context: ServerContext
    ) async throws -> StreamingServerResponse<WITBundlesResponse> { throw Self.unimplemented }
}
