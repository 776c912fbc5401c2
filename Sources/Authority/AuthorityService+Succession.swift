internal import Identity
public import Issuance
internal import OpenSSLBinding

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
    /// Name of the authority that has its key; empty where there is one alone.
    public let owner: String
}

/// The CAs: led on by themselves in time, and by command before. CAs are named by the first digits of their fingerprints.
extension AuthorityService {
    /// Oldest first.
    public func certificateAuthorities() async throws(SuccessionError) -> [AuthorityRecord] {
        let inUse = try await lifecycle.inUse()
        return authorities.current.rows.map { record($0, inUse) }
    }

    /// Makes the next CA: trusted by everybody from now on, signing later.
    public func prepareAuthority() async throws(SuccessionError) -> AuthorityRecord {
        try await record(lifecycle.prepare().row)
    }

    /// Lets the prepared CA sign; what others issued is renewed in its time.
    public func activateAuthority() async throws(SuccessionError) -> AuthorityRecord {
        try await record(lifecycle.activate().row)
    }

    /// Has everything replaced at once that a CA issued, which signs no more.
    public func taintAuthority(_ fingerprint: String) async throws(SuccessionError) -> AuthorityRecord {
        try await record(lifecycle.taint(fingerprint).row)
    }

    /// Has a CA trusted by nobody any more, for good.
    ///
    /// - Parameter force: also if what it issued is in use, and will be refused then; and if it is another authority's.
    public func revokeAuthority(
        _ fingerprint: String, force: Bool = false
    ) async throws(SuccessionError) -> AuthorityRecord {
        try await record(lifecycle.revoke(fingerprint, force: force))
    }

    private func record(_ row: AuthorityRow) async throws(SuccessionError) -> AuthorityRecord {
        record(row, try await lifecycle.inUse())
    }

    private func record(_ row: AuthorityRow, _ inUse: [String: Int]) -> AuthorityRecord {
        let (certificate, root) = (row.chain[0], row.chain[row.chain.count - 1])
        return AuthorityRecord(
            fingerprint: certificate.fingerprint, state: row.state, isTainted: row.isTainted,
            preparedAt: row.preparedAt, notAfter: certificate.notAfter, rootFingerprint: root.fingerprint,
            inUse: inUse[certificate.fingerprint] ?? 0, serves: serverSVID.svid.issuer == certificate, owner: row.owner)
    }
}
