internal import Identity
internal import Issuance
internal import OpenSSLBinding

/// What an authority above has to say of the CAs here.
extension AuthorityLifecycle {
    /// A CA that is not where the settings say, or that was taken back, has its successor made at once; when it takes over is the operator's
    /// to say. What is prepared below a root of before is no successor.
    func dueSteps(_ now: Int64) -> [KeySchedule.Step] {
        let set = authorities.current
        let steps = KeySchedule.steps(for: set.all.map(\.key), now: now)
        let isSettled = steps.allSatisfy { if case .remove = $0 { true } else { false } }
        guard isSettled, !isUsable(set.active) else { return steps }
        if let prepared = set.all.first(where: { $0.state == .prepared }) {
            guard !isUsable(prepared), mayReplace else { return steps }
        }
        return steps + [.make(.prepared)]
    }

    private func isUsable(_ held: HeldAuthority) -> Bool {
        files.isInPlace(held.authority, under: inquiry.root) && !takenBack.contains(held.fingerprint)
    }

    /// Of an authority above that signs below another root than it names, each would be replaced by the next.
    private var mayReplace: Bool { replacedAt.map { $0.duration(to: .now) >= Retry.longestPause } ?? true }

    /// The one that is prepared, when another is.
    func giveUpPrepared() -> [AuthorityStep] {
        guard let prepared = authorities.current.all.first(where: { $0.state == .prepared }) else { return [] }
        replacedAt = .now
        return [.remove(prepared.fingerprint)]
    }

    /// Has the roots that the trust domain trusts trusted here, whether or not any CA of ours is below them: what one issues that takes over
    /// above is good here as soon as there. Nil where nobody above tells any more.
    func hear(_ told: TrustBundle?) async throws(SuccessionError) {
        try await inTurn { (lifecycle) async throws(SuccessionError) in
            let set = lifecycle.authorities.current
            // Of one that signs no more nothing new is wanted.
            let revoked = set.all.filter { held in
                held.state != .retired && told?.revokes(held.authority.certificate) ?? false
            }.map(\.fingerprint)
            for fingerprint in revoked where !lifecycle.takenBack.contains(fingerprint) {
                lifecycle.observe(.successionFailed(.takenBack(fingerprint)))
            }
            lifecycle.takenBack = Set(revoked)
            // Who vouches for machines vouches for no workload, or these could join as nodes.
            let roots = (told?.authorities ?? []).filter { (try? lifecycle.files.checkIssuersOfMachines([$0])) != nil }
            let named = Array(roots.prefix(Self.mostAbove))
            let known = set.rootsAbove.filter { $0.owner == lifecycle.registry.owner }.map(\.certificate)
            guard Set(named) != Set(known) else { return }
            try await lifecycle.perform([.trustAbove(named)])
        }
    }

    /// More roots than an authority has at one time.
    private static let mostAbove = 8

    /// Whether a root is trusted whatever becomes of a CA below it.
    func isRootShared(_ authority: HeldAuthority) -> Bool {
        let set = authorities.current
        return set.rootsAbove.contains { $0.certificate == authority.authority.root }
            || set.all.contains {
                $0.fingerprint != authority.fingerprint && $0.authority.root == authority.authority.root
            }
    }
}
