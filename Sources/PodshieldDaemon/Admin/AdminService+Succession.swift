import AdminAPI
import Authority
import GRPCCore
import Issuance

extension AdminService {
    func caList(
        request: ServerRequest<Podshield_Admin_V1_CAListRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_CAListResponse> {
        let service = try requireAuthority()
        var answer = Podshield_Admin_V1_CAListResponse()
        do throws(SuccessionError) {
            answer.authorities = try await service.certificateAuthorities().map { .init($0) }
        } catch {
            throw AdminError(error)
        }
        return ServerResponse(message: answer)
    }

    func caPrepare(
        request: ServerRequest<Podshield_Admin_V1_CAPrepareRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_CAPrepareResponse> {
        var answer = Podshield_Admin_V1_CAPrepareResponse()
        answer.authority = try await step { (service) throws(SuccessionError) in try await service.prepareAuthority() }
        return ServerResponse(message: answer)
    }

    func caActivate(
        request: ServerRequest<Podshield_Admin_V1_CAActivateRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_CAActivateResponse> {
        var answer = Podshield_Admin_V1_CAActivateResponse()
        answer.authority = try await step { (service) throws(SuccessionError) in try await service.activateAuthority() }
        return ServerResponse(message: answer)
    }

    func caTaint(
        request: ServerRequest<Podshield_Admin_V1_CATaintRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_CATaintResponse> {
        let fingerprint = request.message.fingerprint
        var answer = Podshield_Admin_V1_CATaintResponse()
        answer.authority = try await step { (service) throws(SuccessionError) in
            try await service.taintAuthority(fingerprint)
        }
        return ServerResponse(message: answer)
    }

    func caRevoke(
        request: ServerRequest<Podshield_Admin_V1_CARevokeRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_CARevokeResponse> {
        let message = request.message
        var answer = Podshield_Admin_V1_CARevokeResponse()
        answer.authority = try await step { (service) throws(SuccessionError) in
            try await service.revokeAuthority(message.fingerprint, force: message.force)
        }
        return ServerResponse(message: answer)
    }

    private func step(
        _ body: (AuthorityService) async throws(SuccessionError) -> AuthorityRecord
    ) async throws(AdminError) -> Podshield_Admin_V1_CertificateAuthority {
        let service = try requireAuthority()
        do throws(SuccessionError) {
            return Podshield_Admin_V1_CertificateAuthority(try await body(service))
        } catch {
            throw AdminError(error)
        }
    }
}

extension AdminError {
    fileprivate init(_ error: SuccessionError) {
        switch error {
        case .notFound(let fingerprint): self.init(.notFound, "\(error)", subject: fingerprint)
        case .foreign(let fingerprint, _): self.init(.precondition, "\(error)", subject: fingerprint)
        case .ambiguous(let digits): self.init(.invalid, "\(error)", subject: digits)
        case .alreadyPrepared, .nonePrepared, .tooEarly, .signs, .neverSigned, .notTainted, .inUse, .belowUpstream,
            .sharedKey, .ended, .takenOut:
            self.init(.precondition, "\(error)")
        case .tooMany: self.init(.exhausted, "\(error)")
        case .authority: self.init(.internal, "\(error)")
        }
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
