internal import GRPCCore
internal import WorkloadProtocol

/// Envoy's SDS: the Workload API's X.509 part in the words of Envoys.
struct SecretService: Envoy_Service_Secret_V3_SecretDiscoveryService.ServiceProtocol {
    typealias Request = Envoy_Service_Discovery_V3_DiscoveryRequest
    typealias Response = Envoy_Service_Discovery_V3_DiscoveryResponse

    let attestor: Attestor
    let lists: EnvoyLists
    let connections: Connections
    let processes: ProcessWatch
    let rejected: @Sendable (_ source: String, _ reason: String) -> Void

    func streamSecrets(
        request: StreamingServerRequest<Request>, context: ServerContext
    ) async throws -> StreamingServerResponse<Response> {
        let caller = try connections.caller(of: request.metadata)
        return StreamingServerResponse { [attestor, lists, processes, rejected] writer in
            let stream = SecretStream(attestor: attestor, lists: lists, processes: processes, caller: caller) {
                rejected("\(caller.source)", $0)
            }
            try await stream.run(request.messages, context) { try await writer.write($0) }
            return [:]
        }
    }

    func fetchSecrets(
        request: ServerRequest<Request>, context: ServerContext
    ) async throws -> ServerResponse<Response> {
        let caller = try connections.caller(of: request.metadata)
        do throws(Denial) {
            try SecretSubscription.check(request.message)
            let context = lists.told(try await attestor.x509Context(of: .process(caller)))
            let secrets = Secrets(context: context, lists: lists)
            return ServerResponse(message: try Response(secrets.named(request.message.resourceNames), version: "1"))
        } catch {
            throw error.status
        }
    }

    /// An SVID changes as a whole: there is nothing to save by telling differences.
    func deltaSecrets(
        request: StreamingServerRequest<Envoy_Service_Discovery_V3_DeltaDiscoveryRequest>, context: ServerContext
    ) async throws -> StreamingServerResponse<Envoy_Service_Discovery_V3_DeltaDiscoveryResponse> {
        throw RPCError(
            code: .unimplemented, message: "secrets are offered as the state of the world only: StreamSecrets")
    }
}

extension Envoy_Service_Discovery_V3_DiscoveryResponse {
    init(_ secrets: [EnvoySecret], version: String) throws(Denial) {
        self.init()
        versionInfo = version
        nonce = version
        typeURL = Secrets.typeURL
        for secret in secrets { resources.append(try secret.packed()) }
    }
}
