public import Identity
public import JOSE
public import OpenSSLBinding

/// A key that signs JWT-SVIDs of one trust domain, until a time after which nothing that it signed is good any more.
public struct JWTSigningKey: Sendable {
    public let trustDomain: TrustDomain
    public let key: PrivateKey
    /// The public half, as bundles show it.
    public let authority: JWTAuthority
    /// Seconds since 1970.
    public let notAfter: Int64

    public static func generate(for trustDomain: TrustDomain, notAfter: Int64) throws(IssuanceError) -> JWTSigningKey {
        let key: PrivateKey
        do throws(OpenSSLError) {
            key = try PrivateKey.generate(.ecP256)
        } catch {
            throw .openSSL(error)
        }
        return try JWTSigningKey(trustDomain: trustDomain, key: key, notAfter: notAfter)
    }

    /// Takes a key that was made before; of EC, since that alone leaves no choice of the algorithm.
    public init(trustDomain: TrustDomain, key: PrivateKey, notAfter: Int64) throws(IssuanceError) {
        guard let authority = JWTAuthority(key.publicKey) else { throw .unacceptableKey("\(key.publicKey.kind)") }
        guard Self.isWhole(key) else { throw .unacceptableKey("its halves do not belong together") }
        self.trustDomain = trustDomain
        self.key = key
        self.authority = authority
        self.notAfter = notAfter
    }

    /// OpenSSL believes a file in which public half stands beside the private one.
    private static func isWhole(_ key: PrivateKey) -> Bool {
        let sample = Array("a key for JWT-SVIDs".utf8)
        return (try? key.sign(sample)).map { key.publicKey.verify($0, of: sample) } ?? false
    }

    /// Issues the token that `plan` describes, valid from `now`, in seconds since 1970, on. It is read as a stranger would do, and
    /// compared with the plan, before it leaves; the node that asked for it checks the signature.
    public func sign(_ plan: JWTSVIDPlan, now: Int64) throws(IssuanceError) -> JWTSVID {
        guard plan.id.trustDomain == trustDomain else { throw .foreignTrustDomain(plan.id) }
        guard now < notAfter else { throw .authorityNotValid(now: now) }
        let expiresAt = min(now + plan.lifetime.components.seconds, notAfter)
        let template = JWTSVIDTemplate(
            id: plan.id, audience: plan.audience, issuedAt: now, expiresAt: expiresAt, issuer: plan.issuer)
        let svid = try reread(try sign(template), plan, now: now)
        guard svid.id == plan.id, svid.keyID == authority.keyID, plan.audience == (try? JWTAudience(svid.audience)),
            svid.expiresAt == expiresAt,
            svid.issuedAt == now
        else { throw .tokenDiffersFromPlan }
        return svid
    }

    private func sign(_ template: JWTSVIDTemplate) throws(IssuanceError) -> String {
        do throws(OpenSSLError) {
            return try template.signed(by: key, as: authority)
        } catch {
            throw .openSSL(error)
        }
    }

    private func reread(_ token: String, _ plan: JWTSVIDPlan, now: Int64) throws(IssuanceError) -> JWTSVID {
        do throws(JWTRejection) {
            return try UnprovenToken(token).believed(for: plan.audience.values[0], at: now)
        } catch {
            throw .tokenRejected(error)
        }
    }
}
