internal import Identity
internal import Issuance
internal import OpenSSLBinding
internal import Synchronization

/// The SVID of the authority's own server, which it issues to itself: renewed by whoever asks for it past half of its life,
/// so that a clock that was set can leave nobody with one that has expired, and when another CA is to issue it.
final class ServerIdentity: Sendable {
    private struct State {
        var svid: KeyedSVID
        /// Fingerprint of the CA that issued it.
        var issuer: String
        /// Of a renewal that failed.
        var failedAt: Int64?
        /// By a key that keeps whoever asks it waiting.
        var isBeingRenewed = false
    }

    private let authorities: Authorities
    private let plan: IssuancePlan
    private let choice: Choice
    private let now: @Sendable () -> Int64
    private let observe: @Sendable (AuthorityEvent) -> Void
    private let state: Mutex<State>

    /// By which of the CAs it is issued.
    enum Choice {
        /// By the oldest: for nodes that were away while others took over.
        case oldest
        /// By the one that signs: for who asks under which root it would be.
        case active
    }

    /// Seconds between a renewal that failed and the next try.
    private static let pause: Int64 = 10

    init(
        _ authorities: Authorities, _ plan: IssuancePlan, by choice: Choice, now: @escaping @Sendable () -> Int64,
        observe: @escaping @Sendable (AuthorityEvent) -> Void
    ) throws(IssuanceError) {
        self.authorities = authorities
        self.now = now
        self.observe = observe
        self.plan = plan
        self.choice = choice
        let now = now()
        let issuer = Self.issuer(authorities, plan, choice, now)
        state = Mutex(
            State(svid: try issuer.signer.issueWithKeyNow(plan, now: now), issuer: issuer.fingerprint))
    }

    /// Of the server for nodes.
    convenience init(
        _ authorities: Authorities, name: String, lifetime: Duration, now: @escaping @Sendable () -> Int64,
        observe: @escaping @Sendable (AuthorityEvent) -> Void
    ) throws(IssuanceError) {
        let plan = try IssuancePlan.authority(
            name, in: authorities.signer.authority.trustDomain, lifetime: lifetime)
        try self.init(authorities, plan, by: .oldest, now: now, observe: observe)
    }

    private static func issuer(
        _ authorities: Authorities, _ plan: IssuancePlan, _ choice: Choice, _ now: Int64
    ) -> HeldAuthority {
        switch choice {
        case .oldest: authorities.current.server(at: now, margin: 2 * plan.lifetime.components.seconds)
        case .active: authorities.current.active
        }
    }

    /// The one in use. When it cannot be renewed, the one before stays; so it does while a key that is not in memory is asked.
    var current: KeyedSVID {
        let now = now()
        let issuer = Self.issuer(authorities, plan, choice, now)
        guard issuer.signer.isImmediate else { return renewedElsewhere(by: issuer, now) }
        let (svid, event) = state.withLock { state -> (KeyedSVID, AuthorityEvent?) in
            guard isDue(state, issuer, now) else { return (state.svid, nil) }
            let event = renewed(
                &state, issuer, now,
                Result { () throws(IssuanceError) in try issuer.signer.issueWithKeyNow(plan, now: now) })
            return (state.svid, event)
        }
        if let event { observe(event) }
        return svid
    }

    private func renewedElsewhere(by issuer: HeldAuthority, _ now: Int64) -> KeyedSVID {
        let (svid, mustRenew) = state.withLock { state -> (KeyedSVID, Bool) in
            guard !state.isBeingRenewed, isDue(state, issuer, now) else { return (state.svid, false) }
            state.isBeingRenewed = true
            return (state.svid, true)
        }
        if mustRenew { Task { await renewElsewhere(by: issuer, now) } }
        return svid
    }

    private func renewElsewhere(by issuer: HeldAuthority, _ now: Int64) async {
        let result: Result<KeyedSVID, IssuanceError>
        do throws(IssuanceError) {
            result = .success(try await issuer.signer.issueWithKey(plan, now: now))
        } catch {
            result = .failure(error)
        }
        let event = state.withLock { state in
            state.isBeingRenewed = false
            return renewed(&state, issuer, now, result)
        }
        observe(event)
    }

    /// Of another CA, past half of its life, or not begun because the clock was set back.
    private func isDue(_ state: State, _ issuer: HeldAuthority, _ now: Int64) -> Bool {
        let svid = state.svid.svid
        let half = svid.notBefore + (svid.notAfter - svid.notBefore) / 2
        let isFresh = (svid.notBefore..<half).contains(now) && state.issuer == issuer.fingerprint
        guard !isFresh else { return false }
        return state.failedAt.map { abs(now - $0) >= Self.pause } ?? true
    }

    private func renewed(
        _ state: inout State, _ issuer: HeldAuthority, _ now: Int64, _ result: Result<KeyedSVID, IssuanceError>
    ) -> AuthorityEvent {
        switch result {
        case .success(let fresh):
            state = State(svid: fresh, issuer: issuer.fingerprint)
            return .serverRenewed(serial: fresh.svid.leaf.serialHex)
        case .failure(let error):
            state.failedAt = now
            return .serverRenewalFailed(error)
        }
    }
}
