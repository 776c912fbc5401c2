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
    /// Why keys are not taken from there, and why not given there, when that was last tried.
    private var failures = Failures()
    var last: Task<Void, Never>?
    /// Nobody is above, and nothing is left of what was told before.
    private var hasForgotten = false
    /// The Workload API did not answer.
    private var isAway = false
    private var taking = Retry(rhythm: pauseOfKeys)
    /// A refusal is not to be had each time.
    private var giveAgainAt = ContinuousClock.now

    private struct Failures {
        var taking: String?
        var giving: String?
    }

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
        if keysToo || taking.isDue { await lookAtKeys(above) }
    }

    private func lookAtKeys(_ above: any UpstreamAuthority) async {
        let told: [PublishedKey]?
        do throws(UpstreamError) {
            guard let answer = await ask({ () throws(UpstreamError) in try above.keys() }) else { return }
            told = try answer.get()
            try await take(told ?? [])
            taking.succeeded()
            failures.taking = nil
        } catch {
            taking.failed()
            return report(error, \.taking, above)
        }
        guard let told, above.publishesKeys, ContinuousClock.now >= giveAgainAt else { return }
        do throws(UpstreamError) {
            try await give(own().filter { key in !told.contains { $0.isSame(as: key) } }, to: above)
            failures.giving = nil
        } catch {
            if error.isRefusal { giveAgainAt = .now + Retry.longestPause }
            report(error, \.giving, above)
        }
    }

    /// One that is refused keeps the others from nothing.
    private func give(_ keys: [PublishedKey], to above: any UpstreamAuthority) async throws(UpstreamError) {
        var failure: UpstreamError?
        for key in keys {
            let published = await ask { () throws(UpstreamError) in try above.publish(key) }
            if case .failure(let error)? = published { failure = error }
        }
        if let failure { throw failure }
    }

    /// Once, for as long as it is the same.
    private func report(
        _ error: UpstreamError, _ part: WritableKeyPath<Failures, String?>, _ above: any UpstreamAuthority
    ) {
        if failures[keyPath: part] != error.reason { observe(.keysAboveFailed(reason: "\(above): \(error.reason)")) }
        failures[keyPath: part] = error.reason
    }

    private func own() async throws(UpstreamError) -> [PublishedKey] {
        do throws(RegistryError) { return try await registry.ownPublishedKeys(now: now()) } catch {
            throw UpstreamError("\(error)")
        }
    }

    private func take(_ keys: [PublishedKey]) async throws(UpstreamError) {
        do throws(RegistryError) {
            if try await registry.take(keysAbove: keys, now: now()) { await publisher.changed() }
        } catch {
            throw UpstreamError("\(error)")
        }
    }

    /// On a thread that may wait; nil when the task was cancelled before.
    private func ask<Answer: Sendable>(
        _ body: @escaping @Sendable () throws(UpstreamError) -> Answer
    ) async -> Result<Answer, UpstreamError>? {
        await PatientThreads.ofThoseAbove.result(of: body)
    }
}

extension PublishedKey {
    fileprivate func isSame(as other: PublishedKey) -> Bool {
        authority.keyID == other.authority.keyID && authority.key == other.authority.key
    }
}
