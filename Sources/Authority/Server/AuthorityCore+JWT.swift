internal import Identity
public import Issuance
internal import JOSE

extension AuthorityCore {
    /// To be called before it is decided who may have a token: nothing is taken down for one, so that nothing else would show whether
    /// this authority still knows what the others know.
    func beNew() async throws(CallRefusal) {
        do throws(RegistryError) { try await registry.beNew() } catch { throw .registry(error) }
    }

    /// Signs a token for whom the registration of a workload names, on behalf of the node that asks.
    func issueJWT(
        _ subject: WorkloadSubject, audience: JWTAudience, on node: NodeRecord
    ) async throws(CallRefusal) -> JWTSVID {
        let registration = try await registration(of: subject, on: node.id)
        let svid: JWTSVID
        do throws(JWTSigningError) {
            svid = try await jwtKeys.sign(
                registration.spiffeID, audience: audience,
                lifetime: registration.jwtLifetime ?? settings.jwtLifetime, issuer: settings.jwtIssuer)
        } catch {
            throw CallRefusal(error)
        }
        observe(
            .jwtIssued(
                IssuedJWT(
                    id: svid.id, audience: svid.audience, expiresAt: svid.expiresAt, keyID: svid.keyID, node: node.id,
                    subject: subject)))
        return svid
    }
}

extension JWTKeys {
    /// A token signed with the key that is in use.
    nonisolated func sign(
        _ id: SPIFFEID, audience: JWTAudience, lifetime: Duration, issuer: JWTIssuer?
    ) async throws(JWTSigningError) -> JWTSVID {
        let key: JWTSigningKey
        do throws(AuthorityError) { key = try await current() } catch { throw .keys(error) }
        do throws(IssuanceError) {
            let plan = try JWTSVIDPlan(id: id, audience: audience, lifetime: lifetime, issuer: issuer)
            return try key.sign(plan, now: now())
        } catch {
            throw .issuance(error)
        }
    }
}

/// Why a JWT-SVID was not signed.
public enum JWTSigningError: Error, Sendable, Equatable {
    /// There is no key to sign with.
    case keys(AuthorityError)
    case issuance(IssuanceError)
}

extension JWTSigningError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .keys(let error): "there is no key to sign a JWT-SVID with: \(error)"
        case .issuance(let error): "\(error)"
        }
    }
}

extension CallRefusal {
    fileprivate init(_ error: JWTSigningError) {
        switch error {
        case .keys: self = .internalFailure("\(error)")
        case .issuance(let error): self = .issuance(error)
        }
    }
}
