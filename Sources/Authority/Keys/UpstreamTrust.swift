internal import Identity
internal import Issuance
internal import JOSE
internal import OpenSSLBinding
internal import PatientThreads

/// Has those trusted here whom an authority above says that the trust domain trusts, and our keys for JWT-SVIDs published there.
actor UpstreamTrust: TurnTaking {
    private let above: (any UpstreamAuthority)?
    private let lifecycle: AuthorityLifecycle
    private let registry: Registry
    private let publisher: DirectoryPublisher
    private let now: @Sendable () -> Int64
    private let observe: @Sendable (AuthorityEvent) -> Void
    /// Why keys are not taken from there, or given there.
    private var failure: String?
    var last: Task<Void, Never>?
    /// Nobody is above, and nothing is left of what was told before.
    private var hasForgotten = false
    /// The Workload API did not answer.
    private var isAway = false
    /// One after another.
    private var failures = 0
    private var askKeysAt = ContinuousClock.now
    private var publishAgainAt = ContinuousClock.now

    /// A root above may sign as soon as nodes below had time to hear of it: three times within that.
    static let pause = Duration.seconds(5)
    private static let pauseOfKeys = Duration.seconds(30)

    init(
        _ upstream: Upstream?, lifecycle: AuthorityLifecycle, registry: Registry, publisher: DirectoryPublisher,
        now: @escaping @Sendable () -> Int64, observe: @escaping @Sendable (AuthorityEvent) -> Void
    ) {
        if case .asked(let asked)? = upstream { above = asked } else { above = nil }
        self.lifecycle = lifecycle
        self.registry = registry
        self.publisher = publisher
        self.now = now
        self.observe = observe
    }

    /// Until the task is cancelled; where nobody is above, until what was told before is forgotten.
    func keepFresh() async {
        repeat {
            await look()
            guard above != nil || !hasForgotten else { return }
            try? await Task.sleep(for: isAway ? Self.pauseOfKeys : Self.pause)
        } while !Task.isCancelled
    }

    /// Whatever does not answer leaves what was told before in its place: that the authority above is away is said where it is asked for CAs.
    ///
    /// - Parameter keysToo: even if it is not time for keys.
    func look(keysToo: Bool = false) async {
        await inTurn { (trust) async throws(Never) in await trust.lookInTurn(keysToo: keysToo) }
    }

    private func lookInTurn(keysToo: Bool) async {
        guard let above else {
            // It may have been below another before.
            do {
                try await lifecycle.hear(nil)
                try await take([])
                hasForgotten = true
            } catch {
                // What authorities share may be away: it is tried again.
                hasForgotten = false
            }
            return
        }
        // An answer that is waited for takes a thread that others need, too.
        let told = await ask { () throws(UpstreamError) in try above.bundle() }
        if case .failure? = told { isAway = true } else { isAway = false }
        // One that does not tell may be in the place of one that did.
        if case .success(let told)? = told { try? await lifecycle.hear(told) }
        guard keysToo || ContinuousClock.now >= askKeysAt else { return }
        var failure: String?
        do throws(UpstreamError) { try await lookAtKeys(above) } catch { failure = error.reason }
        if let failure, failure != self.failure { observe(.keysAboveFailed(reason: "\(above): \(failure)")) }
        // One that refused our keys is not asked each time.
        if failure != nil || ContinuousClock.now >= publishAgainAt { self.failure = failure }
        failures = failure == nil ? 0 : min(failures + 1, 8)
        askKeysAt = .now + min(Self.pauseOfKeys * (1 << failures), UpstreamInquiry.longestPause)
    }

    private func lookAtKeys(_ above: any UpstreamAuthority) async throws(UpstreamError) {
        guard let answer = await ask({ () throws(UpstreamError) in try above.keys() }) else { return }
        let answered: [PublishedKey]? = if case .success(let told) = answer { told ?? [] } else { nil }
        // Those that were told before end in their time, whoever answers.
        do throws(RegistryError) { try await take(answered) } catch { throw UpstreamError("\(error)") }
        guard let told = try answer.get(), above.publishesKeys, ContinuousClock.now >= publishAgainAt else { return }
        for key in try await own() where !told.contains(where: { $0.isSame(as: key) }) {
            let published = await ask { () throws(UpstreamError) in try above.publish(key) }
            do throws(UpstreamError) { try published?.get() } catch {
                if error.isRefusal { publishAgainAt = .now + UpstreamInquiry.longestPause }
                throw error
            }
        }
    }

    private func own() async throws(UpstreamError) -> [PublishedKey] {
        do throws(RegistryError) { return try await registry.ownPublishedKeys(now: now()) } catch {
            throw UpstreamError("\(error)")
        }
    }

    private func take(_ keys: [PublishedKey]?) async throws(RegistryError) {
        if try await registry.take(keysAbove: keys, now: now()) { await publisher.changed() }
    }

    /// On a thread that may wait; nil when the task was cancelled before.
    private func ask<Answer: Sendable>(
        _ body: @escaping @Sendable () throws(UpstreamError) -> Answer
    ) async -> Result<Answer, UpstreamError>? {
        await PatientThreads.ofOthers.result(of: body)
    }
}

extension PublishedKey {
    fileprivate func isSame(as other: PublishedKey) -> Bool {
        authority.keyID == other.authority.keyID && authority.key == other.authority.key
    }
}
