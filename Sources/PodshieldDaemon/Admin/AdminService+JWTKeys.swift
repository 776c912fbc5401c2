import AdminAPI
import Authority
import GRPCCore
import Issuance

extension AdminService {
    func jwtKeyList(
        request: ServerRequest<Podshield_Admin_V1_JWTKeyListRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_JWTKeyListResponse> {
        let service = try requireAuthority()
        var answer = Podshield_Admin_V1_JWTKeyListResponse()
        do throws(JWTKeyError) { answer.keys = try await service.keysForTokens().map { .init($0) } } catch {
            throw AdminError(error)
        }
        return ServerResponse(message: answer)
    }

    func jwtKeyPrepare(
        request: ServerRequest<Podshield_Admin_V1_JWTKeyPrepareRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_JWTKeyPrepareResponse> {
        var answer = Podshield_Admin_V1_JWTKeyPrepareResponse()
        answer.key = try await step { (service) throws(JWTKeyError) in try await service.prepareKeyForTokens() }
        return ServerResponse(message: answer)
    }

    func jwtKeyActivate(
        request: ServerRequest<Podshield_Admin_V1_JWTKeyActivateRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_JWTKeyActivateResponse> {
        var answer = Podshield_Admin_V1_JWTKeyActivateResponse()
        answer.key = try await step { (service) throws(JWTKeyError) in try await service.activateKeyForTokens() }
        return ServerResponse(message: answer)
    }

    func jwtKeyTaint(
        request: ServerRequest<Podshield_Admin_V1_JWTKeyTaintRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_JWTKeyTaintResponse> {
        let keyID = request.message.keyID
        var answer = Podshield_Admin_V1_JWTKeyTaintResponse()
        answer.key = try await step { (service) throws(JWTKeyError) in try await service.taintKeyForTokens(keyID) }
        return ServerResponse(message: answer)
    }

    func jwtKeyRevoke(
        request: ServerRequest<Podshield_Admin_V1_JWTKeyRevokeRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_JWTKeyRevokeResponse> {
        let message = request.message
        var answer = Podshield_Admin_V1_JWTKeyRevokeResponse()
        answer.key = try await step { (service) throws(JWTKeyError) in
            try await service.revokeKeyForTokens(message.keyID, force: message.force)
        }
        return ServerResponse(message: answer)
    }

    private func step(
        _ body: (AuthorityService) async throws(JWTKeyError) -> JWTKeyRecord
    ) async throws(AdminError) -> Podshield_Admin_V1_JWTKey {
        let service = try requireAuthority()
        do throws(JWTKeyError) { return Podshield_Admin_V1_JWTKey(try await body(service)) } catch {
            throw AdminError(error)
        }
    }
}

extension AdminError {
    fileprivate init(_ error: JWTKeyError) {
        switch error {
        case .notFound(let keyID): self.init(.notFound, "\(error)", subject: keyID)
        case .foreign(let keyID, _): self.init(.precondition, "\(error)", subject: keyID)
        case .ambiguous(let beginning): self.init(.invalid, "\(error)", subject: beginning)
        case .alreadyPrepared, .nonePrepared, .tooEarly, .signs, .neverSigned, .notTainted:
            self.init(.precondition, "\(error)")
        case .tooMany: self.init(.exhausted, "\(error)")
        case .authority: self.init(.internal, "\(error)")
        }
    }
}

extension Podshield_Admin_V1_JWTKey {
    fileprivate init(_ record: JWTKeyRecord) {
        self.init()
        keyID = record.keyID
        state = record.state.rawValue
        tainted = record.isTainted
        preparedAt = record.preparedAt
        notAfter = record.notAfter
        owner = record.owner
    }
}
