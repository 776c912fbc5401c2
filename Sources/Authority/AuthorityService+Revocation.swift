public import Identity
internal import OpenSSLBinding

extension AuthorityService {
    /// Takes back what the subject names, everywhere: answers the certificates concerned, which are on the new list.
    ///
    /// - Parameters:
    ///   - user: of the operator.
    ///   - dryRun: answer, and change nothing.
    public func revoke(
        _ subject: RevocationSubject, reason: RevocationReason, by user: UInt32, dryRun: Bool = false
    ) async throws(RevocationError) -> [CertificateRecord] {
        try check(subject)
        let certificates = try await registry.revoke(subject, reason, by: user, now: now(), dryRun: dryRun)
        guard !dryRun else { return certificates }
        await jwtKeys.dropDownstreamKeys()
        await entriesChanged(by: subject)
        await published()
        observe(.revoked(subject, reason, by: user, certificates: certificates.count))
        return certificates
    }

    /// Lets be issued again what was revoked by name or entry.
    public func lift(_ subject: RevocationSubject, by user: UInt32) async throws(RevocationError) -> Revocation {
        switch subject {
        case .serial, .node: throw .notLiftable(subject)
        case .spiffeID, .entry: break
        }
        let lifted = try await registry.lift(subject)
        await entriesChanged(by: subject)
        observe(.revocationLifted(subject, by: user))
        return lifted
    }

    /// What is not issued, and the revoked certificates that have not ended.
    public func revocations() async throws(RegistryError) -> (
        revocations: [Revocation], certificates: [CertificateRecord]
    ) { try await registry.revocations(now: now()) }

    private func check(_ subject: RevocationSubject) throws(RevocationError) {
        guard case .spiffeID(let id) = subject else { return }
        guard id.kind == .workload, id.trustDomain == settings.trustDomain else { throw .notAWorkload(id) }
    }

    /// Nodes are told of the entries that the subject names.
    private func entriesChanged(by subject: RevocationSubject) async {
        guard let entries = try? await registry.entries(of: subject) else { return await entrySignals.lost() }
        await entrySignals.changed(entries)
    }

    /// The list is signed and refused by at once, whether or not a node watches.
    func published() async {
        await publisher.changed()
        await entrySignals.callersChanged()
        _ = try? await publisher.current()
    }

    /// Keeps the list from becoming old, until the task is cancelled.
    func keepListFresh() async {
        while !Task.isCancelled {
            if (try? await registry.renewList(now: now())) == true { await published() }
            try? await Task.sleep(for: .seconds(60))
        }
    }
}
