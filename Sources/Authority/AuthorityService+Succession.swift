internal import Identity
public import Issuance

/// A CA and where it stands in its life.
public struct AuthorityRecord: Sendable, Equatable {
    /// SHA-256 of its certificate, lower-case hexadecimal.
    public let fingerprint: String
    public let state: KeySchedule.Key.State
    /// What it issued is to be replaced.
    public let isTainted: Bool
    /// Seconds since 1970.
    public let preparedAt: Int64
    public let notAfter: Int64
    /// Of the root above it; its own where it is a root.
    public let rootFingerprint: String
    /// SVIDs that have not ended, that it issued, and that nothing has replaced, or only within the last quarter of a minute.
    public let inUse: Int
    /// Whether it issued what the authority's server shows.
    public let serves: Bool
}

/// The CAs: led on by themselves in time, and by command before. CAs are named by the first digits of their fingerprints.
extension AuthorityService {
    /// Oldest first.
    public func certificateAuthorities() async throws(SuccessionError) -> [AuthorityRecord] {
        let inUse = try await lifecycle.inUse()
        return authorities.current.all.map { record($0, inUse) }
    }

    /// Makes the next CA: trusted by everybody from now on, signing later.
    public func prepareAuthority() async throws(SuccessionError) -> AuthorityRecord {
        try await record(lifecycle.prepare())
    }

    /// Lets the prepared CA sign; what others issued is renewed in its time.
    public func activateAuthority() async throws(SuccessionError) -> AuthorityRecord {
        try await record(lifecycle.activate())
    }

    /// Has everything replaced at once that a CA issued, which signs no more.
    public func taintAuthority(_ fingerprint: String) async throws(SuccessionError) -> AuthorityRecord {
        try await record(lifecycle.taint(fingerprint))
    }

    /// Has a CA trusted by nobody any more, for good.
    ///
    /// - Parameter force: also if what it issued is in use, and will be refused then.
    public func revokeAuthority(
        _ fingerprint: String, force: Bool = false
    ) async throws(SuccessionError) -> AuthorityRecord {
        try await record(lifecycle.revoke(fingerprint, force: force))
    }

    private func record(_ authority: HeldAuthority) async throws(SuccessionError) -> AuthorityRecord {
        record(authority, try await lifecycle.inUse())
    }

    private func record(_ held: HeldAuthority, _ inUse: [String: Int]) -> AuthorityRecord {
        AuthorityRecord(
            fingerprint: held.fingerprint, state: held.state, isTainted: held.isTainted, preparedAt: held.preparedAt,
            notAfter: held.notAfter, rootFingerprint: held.authority.root.fingerprint,
            inUse: inUse[held.fingerprint] ?? 0, serves: serverSVID.svid.issuer == held.authority.certificate)
    }
}
