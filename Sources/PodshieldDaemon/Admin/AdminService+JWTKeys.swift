import AdminAPI
import Authority
import GRPCCore
import Issuance

extension AdminService {
    func jwtKeyList(
        request: ServerRequest<Podshield_Admin_V1_JWTKeyListRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_JWTKeyListResponse> {
        let keys = try await step { (service) throws(JWTKeyError) in try await service.keysForTokens() }
        var answer = Podshield_Admin_V1_JWTKeyListResponse()
        answer.keys = keys.map { .init($0) }
        return ServerResponse(message: answer)
    }

    func jwtKeyPrepare(
        request: ServerRequest<Podshield_Admin_V1_JWTKeyPrepareRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_JWTKeyPrepareResponse> {
        let key = try await step { (service) throws(JWTKeyError) in try await service.prepareKeyForTokens() }
        var answer = Podshield_Admin_V1_JWTKeyPrepareResponse()
        answer.key = .init(key)
        return ServerResponse(message: answer)
    }

    func jwtKeyActivate(
        request: ServerRequest<Podshield_Admin_V1_JWTKeyActivateRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_JWTKeyActivateResponse> {
        let key = try await step { (service) throws(JWTKeyError) in try await service.activateKeyForTokens() }
        var answer = Podshield_Admin_V1_JWTKeyActivateResponse()
        answer.key = .init(key)
        return ServerResponse(message: answer)
    }

    func jwtKeyTaint(
        request: ServerRequest<Podshield_Admin_V1_JWTKeyTaintRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_JWTKeyTaintResponse> {
        let keyID = request.message.keyID
        let key = try await step { (service) throws(JWTKeyError) in try await service.taintKeyForTokens(keyID) }
        var answer = Podshield_Admin_V1_JWTKeyTaintResponse()
        answer.key = .init(key)
        return ServerResponse(message: answer)
    }

    func jwtKeyRevoke(
        request: ServerRequest<Podshield_Admin_V1_JWTKeyRevokeRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_JWTKeyRevokeResponse> {
        let message = request.message
        let key = try await step { (service) throws(JWTKeyError) in
            try await service.revokeKeyForTokens(message.keyID, force: message.force)
        }
        var answer = Podshield_Admin_V1_JWTKeyRevokeResponse()
        answer.key = .init(key)
        answer.key.state = "revoked"
        return ServerResponse(message: answer)
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
