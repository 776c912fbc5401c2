import AdminAPI
import Authority
import FoundationEssentials
import GRPCCore
import Identity
import Issuance
import JOSE
import OpenSSLBinding
import Telemetry

extension AdminService {
    func mintJWT(
        request: ServerRequest<Podshield_Admin_V1_MintJWTRequest>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_MintJWTResponse> {
        let service = try requireAuthority()
        let wish = try JWTMinting(request.message)
        let svid: JWTSVID
        do throws(JWTSigningError) {
            svid = try await service.mintJWT(wish.id, audience: wish.audience, lifetime: wish.lifetime)
        } catch {
            throw AdminError(error)
        }
        let told = SignedJWT(
            spiffeID: "\(svid.id)", audience: svid.audience, expiresAt: svid.expiresAt, keyID: svid.keyID)
        daemon.telemetry.record(.jwtSVIDMinted(told, user: AdminCaller.user(of: request.metadata) ?? .max))
        return ServerResponse(message: Podshield_Admin_V1_MintJWTResponse(svid))
    }

    func mintX509(
        request: ServerRequest<Podshield_Admin_V1_MintX509Request>, context: ServerContext
    ) async throws -> ServerResponse<Podshield_Admin_V1_MintX509Response> {
        let service = try requireAuthority()
        let wish = try X509Minting(request.message)
        let minted: KeyedSVID
        do throws(CallRefusal) {
            minted = try await service.mintX509(wish.id, lifetime: wish.lifetime, dnsNames: wish.dnsNames)
        } catch {
            throw AdminError(error)
        }
        var answer = Podshield_Admin_V1_MintX509Response(minted.svid, bundle: service.bundle)
        answer.privateKey = try Self.der(of: minted.key)
        daemon.telemetry.record(
            .x509SVIDMinted(
                spiffeID: "\(wish.id)", serial: answer.serial, notAfter: answer.notAfter,
                user: AdminCaller.user(of: request.metadata) ?? .max))
        return ServerResponse(message: answer)
    }
}

extension AdminError {
    fileprivate init(_ error: JWTSigningError) {
        switch error {
        case .keys: self.init(.unavailable, "\(error)")
        case .issuance(let error): self.init(error)
        }
    }

    fileprivate init(_ refusal: CallRefusal) {
        switch refusal {
        case .issuance(let error): self.init(error)
        case .revoked(let id): self.init(.precondition, "\(refusal)", subject: "\(id)")
        default: self.init(.internal, "\(refusal)")
        }
    }
}

extension Podshield_Admin_V1_MintJWTResponse {
    fileprivate init(_ svid: JWTSVID) {
        self.init()
        token = svid.token
        spiffeID = "\(svid.id)"
        audience = svid.audience
        expiresAt = svid.expiresAt
        keyID = svid.keyID
    }
}

extension Podshield_Admin_V1_MintX509Response {
    fileprivate init(_ svid: X509SVID, bundle: TrustBundle) {
        self.init()
        spiffeID = "\(svid.id)"
        serial = svid.leaf.serialHex
        notBefore = svid.notBefore
        notAfter = svid.notAfter
        chain = svid.chain.map { Data($0.der) }
        self.bundle = bundle.authorities.map { Data($0.der) }
    }
}
