internal import Identity
internal import Issuance
internal import Synchronization

/// Whom to trust as of now: the root, and the newest list of what it has taken back.
final class PublishedTrust: Sendable {
    private let authority: CertificateAuthority
    private let newest: Mutex<TrustBundle>

    init(_ authority: CertificateAuthority) {
        self.authority = authority
        newest = Mutex(authority.bundle)
    }

    var bundle: TrustBundle { newest.withLock { $0 } }

    /// The bundle with the list of these, which is signed once.
    func publish(_ revoked: RevokedCertificates) throws(IssuanceError) -> TrustBundle {
        let sequence = authority.bundle.sequence + revoked.number
        let held = bundle
        guard sequence > held.sequence else { return held }
        let list = try authority.revocationList(
            number: revoked.number, of: revoked.certificates, issuedAt: revoked.issuedAt)
        let bundle: TrustBundle
        do throws(SVIDRejection) {
            bundle = try TrustBundle(
                trustDomain: authority.trustDomain, authorities: authority.bundle.authorities, revocations: [list],
                sequence: sequence)
        } catch {
            throw .notAnAuthority(error)
        }
        return newest.withLock { newest in
            if sequence > newest.sequence { newest = bundle }
            return newest
        }
    }
}
