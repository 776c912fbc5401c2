internal import Foundation
internal import GRPCCore
internal import Identity
internal import OpenSSLBinding
internal import SPIREAPI

/// The part of SPIRE's server API by which an authority gets a CA below this one. Its other methods are answered with UNIMPLEMENTED.
struct DownstreamCalls: Spire_Api_Server_Svid_V1_SVID.ServiceProtocol {
    private let authorities: DownstreamAuthorities

    init(_ core: AuthorityCore, _ settings: DownstreamSettings) {
        authorities = DownstreamAuthorities(core, settings)
    }

    func newDownstreamX509CA(
        request: ServerRequest<Spire_Api_Server_Svid_V1_NewDownstreamX509CARequest>, context: ServerContext
    ) async throws -> ServerResponse<Spire_Api_Server_Svid_V1_NewDownstreamX509CAResponse> {
        let caller = Caller(request.metadata)
        do throws(CallRefusal) {
            guard let caller else { throw .anonymous }
            let signed = try await authorities.sign(
                Array(request.message.csr), preferredSeconds: request.message.preferredTtl, for: caller)
            var answer = Spire_Api_Server_Svid_V1_NewDownstreamX509CAResponse()
            answer.caCertChain = signed.chain.map { Data($0.der) }
            answer.x509Authorities = signed.roots.map { Data($0.der) }
            return ServerResponse(message: answer)
        } catch {
            authorities.core.observe(.downstreamRefused(caller: caller?.id, error))
            throw error.status
        }
    }
}
