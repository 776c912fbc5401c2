public import Identity
public import OpenSSLBinding

/// A certificate authority of one trust domain: a certificate, a root or one below a root, and the key that signs under it,
/// wherever that is.
public struct CertificateAuthority: Sendable {
    public let trustDomain: TrustDomain
    public let certificate: Certificate
    /// Those that vouch for it, up to and with the root; empty where it is a root itself.
    public let issuers: [Certificate]
    public let key: any SigningKey
    private let verifier: SVIDVerifier

    public static let defaultLifetime = Duration.seconds(365 * 86400)

    /// Makes a new key and a root that it signs itself. `now` in seconds since 1970.
    public static func createRoot(
        for trustDomain: TrustDomain, now: Int64, lifetime: Duration = defaultLifetime,
        algorithm: KeyAlgorithm = .ecP256
    ) throws(IssuanceError) -> CertificateAuthority {
        let key: PrivateKey
        do throws(OpenSSLError) { key = try PrivateKey.generate(algorithm) } catch { throw .openSSL(error) }
        return try createRoot(for: trustDomain, key: key, now: now, lifetime: lifetime)
    }

    /// Makes a root for a key that is there. `now` in seconds since 1970.
    ///
    /// - Parameter pathLength: how many authorities may be between it and a leaf.
    public static func createRoot(
        for trustDomain: TrustDomain, key: any SigningKey, now: Int64, lifetime: Duration = defaultLifetime,
        pathLength: UInt32 = 0
    ) throws(IssuanceError) -> CertificateAuthority {
        let template = CertificateTemplate(
            root: trustDomain, key: key.publicKey, serial: try newSerial(), now: now, lifetime: lifetime,
            pathLength: pathLength)
        let certificate: Certificate
        do throws(SigningError) {
            certificate = try template.contents.signed(by: key, issuer: nil)
        } catch {
            throw .signing(error)
        }
        return try CertificateAuthority(trustDomain: trustDomain, certificate: certificate, key: key)
    }

    /// Takes one that was made before. Refused unless `certificate` and the root above it may be authorities of `trustDomain`, and
    /// `key` is its key; whether the way between them holds shows with the first certificate that is issued.
    public init(
        trustDomain: TrustDomain, certificate: Certificate, issuers: [Certificate] = [], key: any SigningKey
    ) throws(IssuanceError) {
        let bundle: TrustBundle
        do throws(SVIDRejection) {
            bundle = try TrustBundle(
                trustDomain: trustDomain, authorities: [issuers.last ?? certificate],
                issuers: issuers.isEmpty ? [] : [certificate], sequence: 1)
        } catch {
            throw .notAnAuthority(error)
        }
        guard certificate.publicKey == key.publicKey else { throw .authorityKeyMismatch }
        self.trustDomain = trustDomain
        self.certificate = certificate
        self.issuers = issuers
        self.key = key
        verifier = SVIDVerifier(bundle: bundle)
    }

    public var root: Certificate { issuers.last ?? certificate }

    /// Its certificate, then those above it; one alone for a root.
    public var chain: [Certificate] { [certificate] + issuers }

    /// What goes with a leaf so that its path to the root can be found.
    var intermediates: [Certificate] { issuers.isEmpty ? [] : [certificate] + issuers.dropLast() }

    /// The bundle that holds its root and nothing else.
    public var bundle: TrustBundle { verifier.bundle }

    /// Issues the certificate of a plan for the key of a request.
    ///
    /// Valid from ten seconds before `now` (seconds since 1970) for the plan's lifetime, never longer than the authority.
    /// The finished certificate is verified as any peer would, and compared with the plan, before it leaves. Takes as long as
    /// the key does.
    public func sign(_ request: ProvenRequest, plan: IssuancePlan, now: Int64) throws(IssuanceError) -> X509SVID {
        guard plan.id.trustDomain == trustDomain else { throw .foreignTrustDomain(plan.id) }
        guard (certificate.notBefore..<certificate.notAfter).contains(now) else { throw .authorityNotValid(now: now) }
        let template = CertificateTemplate(
            plan, for: request.publicKey, authority: certificate, serial: try Self.newSerial(), now: now)
        return try recheck(try sign(template), against: plan, key: request.publicKey, now: now)
    }

    func sign(_ template: CertificateTemplate) throws(IssuanceError) -> Certificate {
        do throws(SigningError) {
            return try template.contents.signed(by: key, issuer: certificate)
        } catch {
            throw .signing(error)
        }
    }

    func recheck(
        _ finished: Certificate, against plan: IssuancePlan, key: PublicKey, now: Int64
    ) throws(IssuanceError) -> X509SVID {
        let svid: X509SVID
        let profile: CertificateProfile
        do throws(SVIDRejection) {
            svid = try verifier.verify(chain: [finished] + intermediates, at: now)
            profile = try CertificateProfile(svid.leaf)
        } catch {
            throw .rejected(error)
        }
        let comparison = PlanComparison(svid: svid, profile: profile, plan: plan, key: key)
        if let fact = comparison.difference(now: now) { throw .differsFromPlan(fact) }
        return svid
    }

    /// 128 random bits, more than enough to be unique and not guessed (RFC 5280 section 4.1.2.2).
    static func newSerial() throws(IssuanceError) -> [UInt8] {
        do throws(OpenSSLError) { return try RandomBytes.make(16) } catch { throw .openSSL(error) }
    }
}
