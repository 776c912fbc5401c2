internal import Identity
internal import Issuance
internal import Synchronization

/// Whom to trust as of now: the root, and the newest list of what it has taken back.
final class PublishedTrust: Sendable {
    private let signer: CertificateSigner
    private let newest: Mutex<TrustBundle>

    init(_ signer: CertificateSigner) {
        self.signer = signer
        newest = Mutex(signer.authority.bundle)
    }

    var bundle: TrustBundle { newest.withLock { $0 } }

    /// The bundle with the list of these, which is signed once.
    func publish(_ revoked: RevokedCertificates) async throws(IssuanceError) -> TrustBundle {
        let authority = signer.authority
        let sequence = authority.bundle.sequence + revoked.number
        let held = bundle
        guard sequence > held.sequence else { return held }
        let list = try await signer.revocationList(of: revoked)
        let bundle: TrustBundle
        do throws(SVIDRejection) {
            bundle = try TrustBundle(
                trustDomain: authority.trustDomain, authorities: authority.bundle.authorities,
                issuers: authority.bundle.issuers, revocations: [list], sequence: sequence)
        } catch {
            throw .notAnAuthority(error)
        }
        return newest.withLock { newest in
            if sequence > newest.sequence { newest = bundle }
            return newest
        }
    }
}
