import AdminAPI
import Authority
import GRPCCore
import Issuance

extension AdminService {
    func caList(
        request: ServerRequest<Podshield_Admin_V1_CAListRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_CAListResponse> {
        let authorities = try await step { (service) throws(SuccessionError) in
            try await service.certificateAuthorities()
        }
        var answer = Podshield_Admin_V1_CAListResponse()
        answer.authorities = authorities.map { .init($0) }
        return ServerResponse(message: answer)
    }

    func caPrepare(
        request: ServerRequest<Podshield_Admin_V1_CAPrepareRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_CAPrepareResponse> {
        let authority = try await step { (service) throws(SuccessionError) in try await service.prepareAuthority() }
        var answer = Podshield_Admin_V1_CAPrepareResponse()
        answer.authority = .init(authority)
        return ServerResponse(message: answer)
    }

    func caActivate(
        request: ServerRequest<Podshield_Admin_V1_CAActivateRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_CAActivateResponse> {
        let authority = try await step { (service) throws(SuccessionError) in try await service.activateAuthority() }
        var answer = Podshield_Admin_V1_CAActivateResponse()
        answer.authority = .init(authority)
        return ServerResponse(message: answer)
    }

    func caTaint(
        request: ServerRequest<Podshield_Admin_V1_CATaintRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_CATaintResponse> {
        let fingerprint = request.message.fingerprint
        let authority = try await step { (service) throws(SuccessionError) in
            try await service.taintAuthority(fingerprint)
        }
        var answer = Podshield_Admin_V1_CATaintResponse()
        answer.authority = .init(authority)
        return ServerResponse(message: answer)
    }

    func caRevoke(
        request: ServerRequest<Podshield_Admin_V1_CARevokeRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_CARevokeResponse> {
        let message = request.message
        let authority = try await step { (service) throws(SuccessionError) in
            try await service.revokeAuthority(message.fingerprint, force: message.force)
        }
        var answer = Podshield_Admin_V1_CARevokeResponse()
        answer.authority = .init(authority)
        answer.authority.state = "revoked"
        return ServerResponse(message: answer)
    }
}

extension Podshield_Admin_V1_CertificateAuthority {
    fileprivate init(_ record: AuthorityRecord) {
        self.init()
        fingerprint = record.fingerprint
        state = record.state.rawValue
        tainted = record.isTainted
        preparedAt = record.preparedAt
        notAfter = record.notAfter
        rootFingerprint = record.rootFingerprint
        inUse = UInt32(clamping: record.inUse)
        serves = record.serves
        owner = record.owner
    }
}
