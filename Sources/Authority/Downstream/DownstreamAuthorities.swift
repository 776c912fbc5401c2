internal import Identity
internal import Issuance
internal import OpenSSLBinding
internal import RateLimiting

/// What the authority decides when another asks for a CA below it, free of how that asks.
struct DownstreamAuthorities: Sendable {
    let core: AuthorityCore
    let settings: DownstreamSettings
    private let callers: DownstreamCallers

    init(_ core: AuthorityCore, _ settings: DownstreamSettings) {
        self.core = core
        self.settings = settings
        // Somebody who is trusted to be a CA needs one now and then.
        callers = DownstreamCallers(core, Rate(burst: 8, perSecond: 0.05))
    }

    /// Seconds; less is of no use to anybody.
    static let leastLifetime: Int64 = 60

    /// - Parameter preferredSeconds: 0 for none.
    /// - Returns: the CA, then those between it and a root; and all roots.
    func sign(
        _ csrDER: [UInt8], preferredSeconds: Int32, for caller: Caller
    ) async throws(CallRefusal) -> (chain: [Certificate], roots: [Certificate]) {
        let (entry, svid) = try await callers.entry(of: caller)
        guard preferredSeconds == 0 || preferredSeconds >= Self.leastLifetime else {
            throw .malformed("a CA lasts for \(Self.leastLifetime) seconds at least")
        }
        let signer = core.authorities.signer
        let chain: [Certificate]
        do throws(IssuanceError) {
            let request = try DownstreamRequest(csrDER: csrDER, for: core.settings.trustDomain)
            let lifetime =
                preferredSeconds == 0 ? settings.lifetime : min(settings.lifetime, .seconds(preferredSeconds))
            chain = try await signer.signDownstream(request, lifetime: lifetime, now: core.now())
        } catch {
            throw .issuance(error)
        }
        try await core.certificates.record(
            IssuedRow(downstream: chain[0], of: entry, askedBy: svid, issuer: signer.authority.certificate))
        core.observe(
            .downstreamSigned(
                DownstreamCertificate(
                    id: caller.id, entry: entry.id, serial: chain[0].serialHex, notAfter: chain[0].notAfter,
                    issuer: signer.authority.certificate.fingerprint)))
        return (chain, core.trust.bundle.authorities)
    }
}
