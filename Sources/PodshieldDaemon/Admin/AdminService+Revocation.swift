import AdminAPI
import Authority
import FoundationEssentials
import GRPCCore
import Identity

extension AdminService {
    func revoke(
        request: ServerRequest<Podshield_Admin_V1_RevokeRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_RevokeResponse> {
        let message = request.message
        let service = try requireAuthority()
        let (subject, reason) = (try RevocationSubject(message.subject), try RevocationReason(asked: message.reason))
        var answer = Podshield_Admin_V1_RevokeResponse()
        do throws(RevocationError) {
            answer.certificates = try await service.revoke(
                subject, reason: reason, by: AdminCaller.user(of: request.metadata) ?? .max, dryRun: message.dryRun
            ).map(Podshield_Admin_V1_IssuedCertificate.init)
        } catch {
            throw AdminError(error)
        }
        return ServerResponse(message: answer)
    }

    func revocationLift(
        request: ServerRequest<Podshield_Admin_V1_RevocationLiftRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_RevocationLiftResponse> {
        let service = try requireAuthority()
        let subject = try RevocationSubject(request.message.subject)
        var answer = Podshield_Admin_V1_RevocationLiftResponse()
        do throws(RevocationError) {
            answer.revocation = Podshield_Admin_V1_Revocation(
                try await service.lift(subject, by: AdminCaller.user(of: request.metadata) ?? .max))
        } catch {
            throw AdminError(error)
        }
        return ServerResponse(message: answer)
    }

    func revocationList(
        request: ServerRequest<Podshield_Admin_V1_RevocationListRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_RevocationListResponse> {
        let service = try requireAuthority()
        var answer = Podshield_Admin_V1_RevocationListResponse()
        do throws(RegistryError) {
            let held = try await service.revocations()
            answer.revocations = held.revocations.map(Podshield_Admin_V1_Revocation.init)
            answer.certificates = held.certificates.map(Podshield_Admin_V1_IssuedCertificate.init)
        } catch {
            throw AdminError(.internal, "\(error)")
        }
        answer.lists = service.bundle.revocations.map { Data($0.der) }
        return ServerResponse(message: answer)
    }
}

extension AdminError {
    fileprivate init(_ error: RevocationError) {
        switch error {
        case .notFound(let subject): self.init(.notFound, "\(error)", subject: subject.name)
        case .notAWorkload(let id): self.init(.invalid, "\(error)", subject: "\(id)")
        case .notLiftable(let subject): self.init(.precondition, "\(error)", subject: subject.name)
        case .registry(.directoryFull): self.init(.exhausted, "\(error)")
        case .registry: self.init(.internal, "\(error)")
        }
    }
}

extension Podshield_Admin_V1_IssuedCertificate {
    fileprivate init(_ record: CertificateRecord) {
        self.init()
        serial = record.serial
        spiffeID = record.spiffeID
        node = record.node
        entry = record.entry
        notAfter = record.notAfter
        revokedAt = record.revokedAt ?? 0
    }
}

extension Podshield_Admin_V1_Revocation {
    fileprivate init(_ revocation: Revocation) {
        self.init()
        kind = revocation.kind
        name = revocation.name
        reason = revocation.reason.rawValue
        user = revocation.user
        revokedAt = revocation.revokedAt
    }
}
