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
        let message = request.message
        let service = try requireAuthority()
        let id = try SPIFFEID(asked: message.spiffeID)
        let audience: JWTAudience
        do throws(JWTAudienceError) { audience = try JWTAudience(message.audience) } catch {
            throw AdminError(.invalid, "\(error)")
        }
        let svid: JWTSVID
        do throws(JWTSigningError) {
            svid = try await service.mintJWT(id, audience: audience, lifetime: message.ttl.lifetime)
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
        let message = request.message
        let service = try requireAuthority()
        let id = try SPIFFEID(asked: message.spiffeID)
        let minted: KeyedSVID
        do throws(CallRefusal) {
            minted = try await service.mintX509(id, lifetime: message.ttl.lifetime, dnsNames: message.dnsNames)
        } catch {
            throw AdminError(error)
        }
        var answer = Podshield_Admin_V1_MintX509Response(minted.svid, bundle: service.bundle)
        answer.privateKey = try Self.der(of: minted.key)
        daemon.telemetry.record(
            .x509SVIDMinted(
                spiffeID: "\(id)", serial: answer.serial, notAfter: answer.notAfter,
                user: AdminCaller.user(of: request.metadata) ?? .max))
        return ServerResponse(message: answer)
    }
}

extension Int64 {
    /// Of a field of seconds in which 0 means that nothing is said.
    var lifetime: Duration? { self == 0 ? nil : .seconds(self) }
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

    fileprivate init(_ error: IssuanceError) {
        switch error {
        case .reservedID(let id), .foreignTrustDomain(let id): self.init(.invalid, "\(error)", subject: "\(id)")
        case .badName, .badDNSName, .badLifetime: self.init(.invalid, "\(error)")
        default: self.init(.internal, "\(error)")
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
