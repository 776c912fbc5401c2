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
    }

    private let authority: CertificateAuthority
    private let plan: IssuancePlan
    private let now: @Sendable () -> Int64
    private let observe: @Sendable (AuthorityEvent) -> Void
    private let state: Mutex<State>

    /// Seconds between a renewal that failed and the next try.
    private static let pause: Int64 = 10

    init(
        _ authority: CertificateAuthority, name: String, lifetime: Duration, now: @escaping @Sendable () -> Int64,
        observe: @escaping @Sendable (AuthorityEvent) -> Void
    ) throws(IssuanceError) {
        self.authority = authority
        self.now = now
        self.observe = observe
        plan = try .authority(name, in: authority.trustDomain, lifetime: lifetime)
        let svid = try authority.issueWithKey(plan, now: now())
        state = Mutex(State(svid: svid))
    }

    /// The one in use. When it cannot be renewed, the one before stays.
    var current: KeyedSVID {
        let now = now()
        let (svid, event) = state.withLock { state -> (KeyedSVID, AuthorityEvent?) in
            guard isDue(state, now) else { return (state.svid, nil) }
            let event = renew(&state, now)
            return (state.svid, event)
        }
        if let event { observe(event) }
        return svid
    }

    /// Past half of its life, or not begun because the clock was set back.
    private func isDue(_ state: State, _ now: Int64) -> Bool {
        let svid = state.svid.svid
        let half = svid.notBefore + (svid.notAfter - svid.notBefore) / 2
        guard !(svid.notBefore..<half).contains(now) else { return false }
        return state.failedAt.map { abs(now - $0) >= Self.pause } ?? true
    }

    private func renew(_ state: inout State, _ now: Int64) -> AuthorityEvent {
        do throws(IssuanceError) {
            let fresh = try authority.issueWithKey(plan, now: now)
            state = State(svid: fresh)
            return .serverRenewed(serial: fresh.svid.leaf.serialHex)
        } catch {
            state.failedAt = now
            return .serverRenewalFailed(error)
        }
    }
}
