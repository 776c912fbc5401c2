public import Identity
internal import Issuance
public import JOSE

/// SVIDs for whom no entry is needed, because whoever administers the authority wants them: made here and now, and not
/// renewed.
extension AuthorityService {
    /// `lifetime` nil for the setting; cut where the signing key's time ends.
    public func mintJWT(
        _ id: SPIFFEID, audience: JWTAudience, lifetime: Duration? = nil
    ) async throws(JWTSigningError) -> JWTSVID {
        try await jwtKeys.sign(
            id, audience: audience, lifetime: lifetime ?? settings.jwtLifetime, issuer: settings.jwtIssuer)
    }

    /// With a new key. It is bound to no node, so that no pod of any can be it. `lifetime` nil for the setting; cut where the
    /// root ends.
    public func mintX509(
        _ id: SPIFFEID, lifetime: Duration? = nil, dnsNames: [String] = []
    ) async throws(CallRefusal) -> KeyedSVID {
        let minted: KeyedSVID
        do throws(IssuanceError) {
            let plan = try IssuancePlan.workload(
                id: id, binding: nil, lifetime: lifetime ?? settings.workloadLifetime, dnsNames: dnsNames)
            minted = try await authorities.signer.issueWithKey(plan, now: now())
        } catch {
            throw .issuance(error)
        }
        try await certificates.record(minted.svid, to: nil, entry: nil)
        return minted
    }
}
