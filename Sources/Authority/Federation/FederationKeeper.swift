internal import Federation
internal import Identity
internal import JOSE
internal import PatientThreads

/// Keeps the bundles of other trust domains as new as their endpoints say. One that is held stays in use until there is a better
/// one, whatever happens to its endpoint.
actor FederationKeeper {
    private struct Progress {
        /// Seconds since 1970 of the next try; 0 for now.
        var due: Int64 = 0
        var failures = 0
        var failure: FederationError?
    }

    private let registry: Registry
    private let publisher: DirectoryPublisher
    private let trust: PublishedTrust
    private let fetcher: BundleFetcher
    private let now: @Sendable () -> Int64
    private let observe: @Sendable (AuthorityEvent) -> Void
    private var progress: [TrustDomain: Progress] = [:]
    /// Nil when there may be others in the registry.
    private var relationships: [Relationship]?
    private var changes = 0

    /// Between two looks at what is due.
    private static let pause = Duration.seconds(1)
    /// Between two tries that fail, at most.
    private static let longestBackoff: Int64 = 300

    init(
        registry: Registry, publisher: DirectoryPublisher, trust: PublishedTrust, now: @escaping @Sendable () -> Int64,
        observe: @escaping @Sendable (AuthorityEvent) -> Void
    ) {
        self.registry = registry
        self.publisher = publisher
        self.trust = trust
        fetcher = BundleFetcher(now: now)
        self.now = now
        self.observe = observe
    }

    /// Until the task is cancelled.
    func keepFresh() async {
        while !Task.isCancelled {
            await refreshDue()
            try? await Task.sleep(for: Self.pause)
        }
    }

    /// Those that are due, side by side: one that keeps us waiting keeps no other back.
    private func refreshDue() async {
        let now = now()
        let due = await known().filter { isDue($0.trustDomain, now) }
        await withDiscardingTaskGroup { group in
            for relationship in due { group.addTask { _ = try? await self.refresh(relationship) } }
        }
    }

    private func known() async -> [Relationship] {
        if let relationships { return relationships }
        let changes = changes
        let read = try? await registry.relationships()
        // What changed while it was read is read at the next look.
        if changes == self.changes { relationships = read }
        return read ?? []
    }

    /// A clock that was set back must not keep us from looking.
    private func isDue(_ trustDomain: TrustDomain, _ now: Int64) -> Bool {
        guard let due = progress[trustDomain]?.due else { return true }
        return now >= due || due - now > 86400 + Self.longestBackoff
    }

    /// Fetches a bundle now.
    func refresh(_ relationship: Relationship) async throws(RelationshipError) {
        let trustDomain = relationship.trustDomain
        do throws(FederationError) {
            let held = try await held()
            let fetched = try await fetch(relationship, held)
            try await store(fetched, by: relationship)
            if progress[trustDomain]?.failure != nil { observe(.federationRestored(trustDomain)) }
            progress[trustDomain] = Progress(due: now() + spread(fetched.refreshPause.components.seconds))
        } catch {
            failed(trustDomain, error)
            throw .federation(error)
        }
    }

    private func failed(_ trustDomain: TrustDomain, _ error: FederationError) {
        var state = progress[trustDomain] ?? Progress()
        state.failures += 1
        state.due = now() + spread(min(Self.longestBackoff, 1 << min(state.failures, 9)))
        // Said once for each reason, not with each try.
        if state.failure != error { observe(.federationFailed(trustDomain, error)) }
        state.failure = error
        progress[trustDomain] = state
    }

    /// A tenth more or less, so that not all who federate with one come at the same moment.
    private func spread(_ seconds: Int64) -> Int64 {
        max(1, Int64(Double(seconds) * Double.random(in: 0.9...1.1)))
    }

    private func held() async throws(FederationError) -> [TrustDomain: HeldBundle] {
        do throws(RegistryError) {
            return Dictionary(
                try await registry.foreignBundles().map { ($0.bundle.trustDomain, $0) }, uniquingKeysWith: { $1 })
        } catch {
            throw .endpoint("the bundle that is held cannot be read: \(error)")
        }
    }

    private func fetch(
        _ relationship: Relationship, _ held: [TrustDomain: HeldBundle]
    ) async throws(FederationError) -> ForeignBundle {
        let own = trust.bundle
        let result = await PatientThreads.ofEndpoints.result { [fetcher] () throws(FederationError) in
            try fetcher.fetch(relationship) { trustDomain in
                trustDomain == own.trustDomain ? own : held[trustDomain]?.bundle.document.bundle
            }
        }
        guard let result else { throw .endpoint("the request was cancelled") }
        return try result.get()
    }

    private func store(_ bundle: ForeignBundle, by relationship: Relationship) async throws(FederationError) {
        do throws(RelationshipError) { try await take(bundle, by: relationship) } catch .federation(let error) {
            throw error
        } catch {
            throw .endpoint("the bundle cannot be kept: \(error)")
        }
    }

    /// Holds a bundle from now on, and tells everybody.
    ///
    /// - Parameter relationship: by which it was fetched; nil for one that an operator vouches for.
    func take(_ bundle: ForeignBundle, by relationship: Relationship? = nil) async throws(RelationshipError) {
        guard try await registry.store(bundle, by: relationship, now: now()) else { return }
        await publisher.changed()
        observe(.foreignBundleChanged(bundle.trustDomain, sequence: bundle.document.sequence))
    }

    // MARK: What is known

    /// Why the last try failed; nil if it did not.
    func failure(of trustDomain: TrustDomain) -> FederationError? { progress[trustDomain]?.failure }

    /// Some may be others than before.
    func forgetRelationships() {
        relationships = nil
        changes += 1
    }

    /// It is another relationship than before, or none.
    func forget(_ trustDomain: TrustDomain) {
        progress[trustDomain] = nil
        forgetRelationships()
    }
}
