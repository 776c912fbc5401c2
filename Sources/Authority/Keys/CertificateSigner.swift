internal import Identity
internal import Issuance
internal import OpenSSLBinding
internal import PatientThreads

/// Has certificates signed by the CA's key, wherever that is, and knows whether it answers. What waits for a key waits on
/// threads that nothing else needs.
struct CertificateSigner: Sendable {
    let authority: CertificateAuthority
    private let health: KeyHealth

    init(_ authority: CertificateAuthority, health: KeyHealth) {
        self.authority = authority
        self.health = health
    }

    /// Whether `signNow` keeps nobody waiting.
    var isImmediate: Bool { authority.key.isInMemory }

    func sign(_ request: ProvenRequest, plan: IssuancePlan, now: Int64) async throws(IssuanceError) -> X509SVID {
        try await byTheKey { (authority) throws(IssuanceError) in try authority.sign(request, plan: plan, now: now) }
    }

    /// The same on the thread of whoever calls.
    func signNow(_ request: ProvenRequest, plan: IssuancePlan, now: Int64) throws(IssuanceError) -> X509SVID {
        try byTheKeyNow { (authority) throws(IssuanceError) in try authority.sign(request, plan: plan, now: now) }
    }

    /// A CA below it, then those between that and the root.
    func signDownstream(
        _ request: DownstreamRequest, lifetime: Duration, now: Int64
    ) async throws(IssuanceError) -> [Certificate] {
        try await byTheKey { (authority) throws(IssuanceError) in
            try authority.signDownstream(request, lifetime: lifetime, now: now)
        }
    }

    func revocationList(of revoked: RevokedCertificates) async throws(IssuanceError) -> RevocationList {
        try await byTheKey { (authority) throws(IssuanceError) in
            try authority.revocationList(
                number: revoked.number, of: revoked.certificates, issuedAt: revoked.issuedAt)
        }
    }

    private func byTheKey<Value: Sendable>(
        _ sign: @escaping @Sendable (CertificateAuthority) throws(IssuanceError) -> Value
    ) async throws(IssuanceError) -> Value {
        guard !isImmediate else { return try byTheKeyNow(sign) }
        return try await elsewhere { () throws(IssuanceError) in try self.byTheKeyNow(sign) }
    }

    private func byTheKeyNow<Value>(
        _ sign: (CertificateAuthority) throws(IssuanceError) -> Value
    ) throws(IssuanceError) -> Value {
        do throws(IssuanceError) {
            let signed = try sign(authority)
            if !isImmediate { health.note(nil) }
            return signed
        } catch {
            if case .signing(let reason) = error { health.note(reason) }
            throw error
        }
    }

    /// Keeps a key that is elsewhere at hand, and notices while nobody asks when it is away.
    func look() async {
        guard !isImmediate else { return }
        do throws(IssuanceError) {
            try await elsewhere { [authority] () throws(IssuanceError) in
                do throws(SigningError) { try authority.key.keepReady() } catch { throw .signing(error) }
            }
            health.note(nil)
        } catch {
            if case .signing(let reason) = error { health.note(reason) }
        }
    }

    private func elsewhere<Value: Sendable>(
        _ body: @escaping @Sendable () throws(IssuanceError) -> Value
    ) async throws(IssuanceError) -> Value {
        guard let result = await PatientThreads.ofKeys.result(of: body) else {
            throw .signing(.unavailable("the request was cancelled"))
        }
        return try result.get()
    }
}
