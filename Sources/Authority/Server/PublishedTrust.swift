internal import Identity
internal import Issuance
internal import Synchronization

/// Whom to trust as of now: the roots above all CAs, and the newest lists of what was taken back.
final class PublishedTrust: Sendable {
    private let authorities: Authorities
    private struct State {
        var bundle: TrustBundle
        var rootsOnly: TrustBundle
    }

    private let state: Mutex<State>

    init(_ authorities: Authorities) throws(SVIDRejection) {
        self.authorities = authorities
        let set = authorities.current
        let bundle = try set.trust(sequence: Self.sequence(set, list: 0))
        state = Mutex(State(bundle: bundle, rootsOnly: bundle))
    }

    var bundle: TrustBundle { state.withLock { $0.bundle } }

    /// The same without what was taken back one by one.
    var rootsOnly: TrustBundle { state.withLock { $0.rootsOnly } }

    /// The bundle with lists of these, each of which is signed once; of the CAs that are there now. Nil when these are of
    /// another edition: a step is under way.
    ///
    /// - Parameter foreign: what others that share the registry have signed last. One whose CA is gone, or that does not fit it, is
    ///   left out: what its CA issued and is revoked is on our own lists, too. One that is not there now counts as it was last.
    func publish(
        _ revoked: RevokedCertificates, authorities edition: UInt64, foreign: StoredLists
    ) async throws(IssuanceError) -> TrustBundle? {
        let set = authorities.current
        guard set.edition == edition else { return nil }
        let sequence = Self.sequence(set, list: revoked.number + foreign.edition)
        let held = bundle
        guard sequence > held.sequence else { return held }
        var lists: [RevocationList] = []
        for signer in set.listSigners { lists.append(try await signer.revocationList(of: revoked)) }
        lists += foreign.lists.compactMap { try? RevocationList(der: $0.der, of: $0.issuer) }
        // An authority that stores a new list takes the one before away first; where verifiers find none, they go by none at all.
        let ours = set.all.map(\.authority.certificate)
        lists += held.revocations.filter { !ours.contains($0.authority) }
        let new: State
        do throws(SVIDRejection) {
            new = State(
                bundle: try set.trust(revocations: lists, sequence: sequence),
                rootsOnly: try set.trust(sequence: sequence))
        } catch {
            throw .notAnAuthority(error)
        }
        return state.withLock { state in
            if sequence > state.bundle.sequence { state = new }
            return state.bundle
        }
    }

    /// Those of them that our CAs signed.
    func own(_ lists: [RevocationList]) -> [RevocationList] {
        let own = authorities.current.all.map(\.authority.certificate)
        return lists.filter { own.contains($0.authority) }
    }

    /// Grows with either.
    private static func sequence(_ set: AuthoritySet, list number: UInt64) -> UInt64 { 1 + set.edition + number }
}
