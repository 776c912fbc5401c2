internal import Identity
internal import Issuance
internal import OpenSSLBinding
internal import Synchronization

/// The SVID of the authority's own server, which it issues to itself: renewed by whoever asks for it past half of its life,
/// so that a clock that was set can leave nobody with one that has expired.
final class ServerIdentity: Sendable {
    private struct State {
        var svid: KeyedSVID
        /// Of a renewal that failed.
        var failedAt: Int64?
        /// By a key that keeps whoever asks it waiting.
        var isBeingRenewed = false
    }

    private let signer: CertificateSigner
    private let plan: IssuancePlan
    private let now: @Sendable () -> Int64
    private let observe: @Sendable (AuthorityEvent) -> Void
    private let state: Mutex<State>

    /// Seconds between a renewal that failed and the next try.
    private static let pause: Int64 = 10

    init(
        _ signer: CertificateSigner, name: String, lifetime: Duration, now: @escaping @Sendable () -> Int64,
        observe: @escaping @Sendable (AuthorityEvent) -> Void
    ) throws(IssuanceError) {
        self.signer = signer
        self.now = now
        self.observe = observe
        plan = try .authority(name, in: signer.authority.trustDomain, lifetime: lifetime)
        let svid = try signer.issueWithKeyNow(plan, now: now())
        state = Mutex(State(svid: svid))
    }

    /// The one in use. When it cannot be renewed, the one before stays; so it does while a key that is not in memory is asked.
    var current: KeyedSVID {
        guard signer.isImmediate else { return currentWhileRenewing }
        let now = now()
        let (svid, event) = state.withLock { state -> (KeyedSVID, AuthorityEvent?) in
            guard isDue(state, now) else { return (state.svid, nil) }
            let event = renewed(
                &state, now, Result { () throws(IssuanceError) in try signer.issueWithKeyNow(plan, now: now) })
            return (state.svid, event)
        }
        if let event { observe(event) }
        return svid
    }

    private var currentWhileRenewing: KeyedSVID {
        let now = now()
        let (svid, mustRenew) = state.withLock { state -> (KeyedSVID, Bool) in
            guard !state.isBeingRenewed, isDue(state, now) else { return (state.svid, false) }
            state.isBeingRenewed = true
            return (state.svid, true)
        }
        if mustRenew { Task { await renewElsewhere(now) } }
        return svid
    }

    private func renewElsewhere(_ now: Int64) async {
        let result: Result<KeyedSVID, IssuanceError>
        do throws(IssuanceError) {
            result = .success(try await signer.issueWithKey(plan, now: now))
        } catch {
            result = .failure(error)
        }
        let event = state.withLock { state in
            state.isBeingRenewed = false
            return renewed(&state, now, result)
        }
        observe(event)
    }

    /// Past half of its life, or not begun because the clock was set back.
    private func isDue(_ state: State, _ now: Int64) -> Bool {
        let svid = state.svid.svid
        let half = svid.notBefore + (svid.notAfter - svid.notBefore) / 2
        guard !(svid.notBefore..<half).contains(now) else { return false }
        return state.failedAt.map { abs(now - $0) >= Self.pause } ?? true
    }

    private func renewed(
        _ state: inout State, _ now: Int64, _ result: Result<KeyedSVID, IssuanceError>
    ) -> AuthorityEvent {
        switch result {
        case .success(let fresh):
            state = State(svid: fresh)
            return .serverRenewed(serial: fresh.svid.leaf.serialHex)
        case .failure(let error):
            state.failedAt = now
            return .serverRenewalFailed(error)
        }
    }
}
