internal import Identity
internal import Issuance
internal import JOSE

/// The keys that sign JWT-SVIDs, looked after in time: the schedule decides, the registry remembers and publishes, files hold
/// the private halves.
actor JWTKeys {
    private let files: JWTKeyFiles
    private let registry: Registry
    private let publisher: DirectoryPublisher
    private let lifetime: Duration
    nonisolated let now: @Sendable () -> Int64
    private let observe: @Sendable (AuthorityEvent) -> Void

    private var held: JWTSigningKey?
    /// Seconds since 1970 of the last look at the schedule that went well.
    private var lookedAt: Int64?
    private var look: Task<Result<JWTSigningKey, AuthorityError>, Never>?

    /// Seconds between two looks.
    private static let pause: Int64 = 30

    init(
        files: JWTKeyFiles, registry: Registry, publisher: DirectoryPublisher, lifetime: Duration,
        now: @escaping @Sendable () -> Int64, observe: @escaping @Sendable (AuthorityEvent) -> Void
    ) {
        self.files = files
        self.registry = registry
        self.publisher = publisher
        self.lifetime = lifetime
        self.now = now
        self.observe = observe
    }

    /// The key to sign with now. One that is held outlasts a failure to look after keys.
    func current() async throws(AuthorityError) -> JWTSigningKey {
        let now = now()
        if let held, let lookedAt, (lookedAt..<lookedAt + Self.pause).contains(now), now < held.notAfter { return held }
        do throws(AuthorityError) {
            return try await sharedLook().get()
        } catch {
            observe(.jwtKeysFailed(error))
            guard let held, now < held.notAfter else { throw error }
            return held
        }
    }

    /// Keeps the schedule also while nobody asks, until the task is cancelled.
    func stayFresh() async {
        while !Task.isCancelled {
            _ = try? await current()
            try? await Task.sleep(for: .seconds(Self.pause))
        }
    }

    /// One look at a time, whoever waits for it.
    private func sharedLook() async -> Result<JWTSigningKey, AuthorityError> {
        if let look { return await look.value }
        let task = Task { () async -> Result<JWTSigningKey, AuthorityError> in
            do throws(AuthorityError) { return .success(try await lookAfterKeys()) } catch { return .failure(error) }
        }
        look = task
        defer { look = nil }
        return await task.value
    }

    private func lookAfterKeys() async throws(AuthorityError) -> JWTSigningKey {
        let now = now()
        // Twice, because a key whose file has gone is noticed only once it is to be used.
        for _ in 0..<2 {
            if let key = try await keepSchedule(now) {
                held = key
                lookedAt = now
                return key
            }
        }
        throw .unreadable(path: files.directory, reason: "a key that was written is not there")
    }

    /// Nil when the active key's file has gone; the key is retired then.
    private func keepSchedule(_ now: Int64) async throws(AuthorityError) -> JWTSigningKey? {
        try await perform(KeySchedule.steps(for: try await keys(), now: now), now)
        let keys = try await keys()
        try files.keepOnly(Set(keys.map(\.id)))
        guard let active = keys.first(where: { $0.state == .active }) else { return nil }
        if let held, held.authority.keyID == active.id { return held }
        if let loaded = try files.load(active, of: registry.trustDomain) { return loaded }
        observe(.jwtKeyLost(path: files.path(active.id)))
        do throws(RegistryError) { try await registry.retireJWTKey(active.id) } catch { throw .registry(error) }
        return nil
    }

    private func keys() async throws(AuthorityError) -> [KeySchedule.Key] {
        do throws(RegistryError) { return try await registry.jwtKeys() } catch { throw .registry(error) }
    }

    /// A key is on disk before the registry knows of it, and gone from the registry before its file goes.
    private func perform(_ steps: [KeySchedule.Step], _ now: Int64) async throws(AuthorityError) {
        guard !steps.isEmpty else { return }
        var made: JWTSigningKey?
        if steps.contains(where: { if case .make = $0 { true } else { false } }) { made = try make(now) }
        do throws(RegistryError) {
            if try await registry.perform(steps, made: made.map { ($0, now) }) { await publisher.changed() }
        } catch {
            throw .registry(error)
        }
        for step in steps { report(step, made) }
    }

    private func make(_ now: Int64) throws(AuthorityError) -> JWTSigningKey {
        let key: JWTSigningKey
        do throws(IssuanceError) {
            key = try .generate(for: registry.trustDomain, notAfter: now + lifetime.components.seconds)
        } catch {
            throw .issuance(error)
        }
        try files.write(key)
        return key
    }

    private func report(_ step: KeySchedule.Step, _ made: JWTSigningKey?) {
        switch step {
        case .make(let state):
            guard let made else { return }
            observe(.jwtKeyPrepared(keyID: made.authority.keyID, notAfter: made.notAfter))
            if state == .active { observe(.jwtKeyActivated(keyID: made.authority.keyID)) }
        case .activate(let keyID): observe(.jwtKeyActivated(keyID: keyID))
        case .remove(let keyID): observe(.jwtKeyRemoved(keyID: keyID))
        }
    }
}
