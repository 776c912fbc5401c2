internal import Foundation
internal import GRPCCore
internal import Identity
internal import OpenSSLBinding
internal import SPIREAPI

/// The part of SPIRE's server API by which an authority below this one hears whom to trust, and has its keys for JWT-SVIDs trusted. Its
/// other methods are answered with UNIMPLEMENTED.
struct BundleCalls: Spire_Api_Server_Bundle_V1_Bundle.ServiceProtocol {
    private let trust: DownstreamTrust

    init(_ core: AuthorityCore, _ settings: DownstreamSettings) {
        trust = DownstreamTrust(core, settings)
    }

    func getBundle(
        request: ServerRequest<Spire_Api_Server_Bundle_V1_GetBundleRequest>, context: ServerContext
    ) async throws -> ServerResponse<Spire_Api_Types_Bundle> {
        try await answer(Caller(request.metadata)) { (caller) throws(CallRefusal) in
            let message = request.message
            let mask = message.hasOutputMask ? message.outputMask : .all
            return Spire_Api_Types_Bundle(
                try await trust.read(by: caller), of: trust.core.settings.trustDomain, only: mask)
        }
    }

    func publishJWTAuthority(
        request: ServerRequest<Spire_Api_Server_Bundle_V1_PublishJWTAuthorityRequest>, context: ServerContext
    ) async throws -> ServerResponse<Spire_Api_Server_Bundle_V1_PublishJWTAuthorityResponse> {
        try await answer(Caller(request.metadata)) { (caller) throws(CallRefusal) in
            var answer = Spire_Api_Server_Bundle_V1_PublishJWTAuthorityResponse()
            answer.jwtAuthorities = try await trust.publish(request.message.jwtAuthority, by: caller).map(\.message)
            return answer
        }
    }

    private func answer<Message: Sendable>(
        _ caller: Caller?, _ body: (Caller) async throws(CallRefusal) -> Message
    ) async throws -> ServerResponse<Message> {
        do throws(CallRefusal) {
            guard let caller else { throw .anonymous }
            return ServerResponse(message: try await body(caller))
        } catch {
            trust.core.observe(.downstreamRefused(caller: caller?.id, error))
            throw error.status
        }
    }
}

extension Spire_Api_Types_BundleMask {
    fileprivate static var all: Self {
        var mask = Self()
        (mask.x509Authorities, mask.jwtAuthorities, mask.refreshHint, mask.sequenceNumber) = (true, true, true, true)
        return mask
    }
}

extension Spire_Api_Types_Bundle {
    fileprivate init(_ told: DownstreamTrust.Told, of trustDomain: TrustDomain, only mask: Spire_Api_Types_BundleMask) {
        self.init()
        self.trustDomain = trustDomain.name
        if mask.x509Authorities {
            x509Authorities = told.bundle.authorities.map { root in
                var message = Spire_Api_Types_X509Certificate()
                message.asn1 = Data(root.der)
                message.tainted = told.bundle.tainted.contains(root.sha256)
                return message
            }
        }
        if mask.jwtAuthorities { jwtAuthorities = told.keys.map(\.message) }
        if mask.refreshHint { refreshHint = DownstreamTrust.refreshHint }
        if mask.sequenceNumber { sequenceNumber = told.sequence }
    }
}
