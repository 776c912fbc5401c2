internal import Identity
internal import Issuance
internal import OpenSSLBinding
internal import RateLimiting

/// What the authority decides when another asks for a CA below it, free of how that asks.
struct DownstreamAuthorities: Sendable {
    let core: AuthorityCore
    let settings: DownstreamSettings
    /// Somebody who is trusted to be a CA needs one now and then.
    private let budget = CallBudget(Rate(burst: 8, perSecond: 0.05))

    init(_ core: AuthorityCore, _ settings: DownstreamSettings) {
        self.core = core
        self.settings = settings
    }

    /// Seconds; less is of no use to anybody.
    static let leastLifetime: Int64 = 60

    /// - Parameter preferredSeconds: 0 for none.
    /// - Returns: the CA, then those between it and a root; and all roots.
    func sign(
        _ csrDER: [UInt8], preferredSeconds: Int32, for caller: Caller
    ) async throws(CallRefusal) -> (chain: [Certificate], roots: [Certificate]) {
        let (entry, svid) = try await self.entry(of: caller)
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

    /// By which the caller may have one, as of now. Who has no entry spends what he may call by his name, and nothing of what they may who
    /// have one.
    private func entry(of caller: Caller) async throws(CallRefusal) -> (entry: RegistrationEntry, svid: ShownSVID) {
        guard caller.notAfter > core.now() else { throw .expired(caller.id) }
        guard core.isTrusted(caller) else { throw .revoked(caller.id) }
        if let found = try await entryAsKnown(caller) {
            guard budget.spend(found.entry.id) else { throw .tooManyCalls }
            return found
        }
        guard budget.spend(caller.id.description) else { throw .tooManyCalls }
        // Another authority may have been told of it, or have issued the SVID, only just now.
        guard try await core.isBehind(), let found = try await entryAsKnown(caller) else {
            throw .notDownstream(caller.id)
        }
        return found
    }

    private func entryAsKnown(
        _ caller: Caller
    ) async throws(CallRefusal) -> (entry: RegistrationEntry, svid: ShownSVID)? {
        let svid = ShownSVID(
            id: caller.id, serial: caller.serial,
            issuers: core.authorities.current.authorities(withKeyOf: caller.issuer))
        do throws(RegistryError) {
            return try await core.registry.downstreamEntry(of: svid).map { ($0, svid) }
        } catch {
            throw .registry(error)
        }
    }
}
