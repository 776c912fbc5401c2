internal import Identity
internal import Issuance
internal import JOSE

/// The keys that sign JWT-SVIDs, looked after in time: the schedule decides, the registry remembers and publishes, files hold
/// the private halves.
actor JWTKeys: TurnTaking {
    private let files: JWTKeyFiles
    let registry: Registry
    let publisher: DirectoryPublisher
    private let lifetime: Duration
    /// Whether keys of authorities below are published here.
    private let takesKeysBelow: Bool
    nonisolated let now: @Sendable () -> Int64
    private let observe: @Sendable (AuthorityEvent) -> Void

    private var held: JWTSigningKey?
    /// Seconds since 1970 of the last look at the schedule that went well.
    private var lookedAt: Int64?
    private var seenEnded = SeenEnded()
    private let grace: Grace
    private var look: Task<Result<JWTSigningKey, AuthorityError>, Never>?
    var last: Task<Void, Never>?

    /// How long keys are kept that were seen to have ended: those of authorities beside, and all others.
    struct Grace {
        let beside: Duration
        let others: Duration
    }

    /// Seconds between two looks.
    private static let pause: Int64 = 30

    init(
        files: JWTKeyFiles, registry: Registry, publisher: DirectoryPublisher, lifetime: Duration,
        grace: Grace, takesKeysBelow: Bool, now: @escaping @Sendable () -> Int64,
        observe: @escaping @Sendable (AuthorityEvent) -> Void
    ) {
        self.files = files
        self.registry = registry
        self.publisher = publisher
        self.lifetime = lifetime
        self.grace = grace
        self.takesKeysBelow = takesKeysBelow
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
            do throws(AuthorityError) {
                return .success(try await inTurn { (keys) throws(AuthorityError) in try await keys.lookAfterKeys() })
            } catch {
                return .failure(error)
            }
        }
        look = task
        defer { look = nil }
        return await task.value
    }

    /// Whoever signs next looks first: keys are others than they were. One that has been taken out signs no more, whatever fails.
    func keysChanged(without keyIDs: Set<String> = []) {
        lookedAt = nil
        if let held, keyIDs.contains(held.authority.keyID) { self.held = nil }
    }

    /// Another authority that shares the registry has changed something of keys.
    func reload() async {
        let rows = try? await registry.allJWTKeys()
        if let keyID = held?.authority.keyID, let rows, !rows.contains(where: { $0.key.id == keyID }) {
            observe(.jwtKeyRevoked(keyID: keyID))
            keysChanged(without: [keyID])
        } else {
            keysChanged()
        }
        _ = try? await current()
    }

    /// Keys of authorities below that are over, or whose holders may have no CA any more, are trusted by nobody.
    func dropDownstreamKeys(over: Set<String> = []) async {
        // What fails is tried at the next look.
        let dropped = try? await registry.dropDownstreamKeys(over: over, now: now(), all: !takesKeysBelow)
        guard let dropped, !dropped.isEmpty else { return }
        await publisher.changed()
        for keyID in dropped { observe(.jwtKeyRemoved(keyID: keyID)) }
    }

    private func lookAfterKeys() async throws(AuthorityError) -> JWTSigningKey {
        let now = now()
        let over = try await endedForGood(now)
        await dropDownstreamKeys(over: over)
        if (try? await registry.drop(keysAbove: over, now: now)) == true { await publisher.changed() }
        // Twice, because a key whose file has gone is noticed only once it is to be used.
        for _ in 0..<2 {
            if let key = try await keepSchedule(now, over) {
                held = key
                lookedAt = now
                return key
            }
        }
        throw .unreadable(path: files.directory, reason: "a key that was written is not there")
    }

    /// IDs of all keys that were seen to have ended for long enough: the clock by which they ended may have been set ahead, and back again.
    private func endedForGood(_ now: Int64) async throws(AuthorityError) -> Set<String> {
        let rows = try await allKeys().filter { $0.key.notAfter <= now }
        let others: [String]
        do throws(RegistryError) { others = try await registry.endedKeysOfOthers(now: now) } catch {
            throw .registry(error)
        }
        seenEnded.keepOnly(rows.map(\.key.id) + others)
        let over = rows.filter { row in
            seenEnded.isOver(row.key.id, after: row.owner == registry.owner ? grace.others : grace.beside)
        }
        return Set(over.map(\.key.id) + others.filter { seenEnded.isOver($0, after: grace.others) })
    }

    /// Nil when the active key's file has gone; the key is retired then.
    ///
    /// - Parameter over: IDs of keys that have ended for good. Those of authorities that are gone are taken away by whoever is there.
    private func keepSchedule(_ now: Int64, _ over: Set<String>) async throws(AuthorityError) -> JWTSigningKey? {
        let rows = try await allKeys()
        var steps = rows.map(\.key.id).filter(over.contains).map { JWTKeyStep.remove($0) }
        for step in KeySchedule.steps(for: own(rows), now: now) {
            switch step {
            case .make(let state): steps.append(.add(try make(now), state, at: now))
            case .activate(let keyID): steps.append(.activate(keyID))
            case .remove: break
            }
        }
        try await perform(steps)
        // Of what was put in a shared registry one may not have heard, and its file must not go.
        let isNew = (try? await registry.catchUp()) != nil
        let keys = own(try await allKeys())
        if isNew { try files.keepOnly(Set(keys.map(\.id))) }
        guard let active = keys.first(where: { $0.state == .active }) else { return nil }
        if let held, held.authority.keyID == active.id { return held }
        if let loaded = try load(active) { return loaded }
        observe(.jwtKeyLost(path: files.path(active.id)))
        do throws(RegistryError) { try await registry.retireJWTKey(active.id) } catch { throw .registry(error) }
        return nil
    }

    func own(_ rows: [JWTKeyRow]) -> [KeySchedule.Key] {
        rows.filter { $0.owner == registry.owner }.map(\.key)
    }

    /// Those of other authorities too, oldest first.
    func allKeys() async throws(AuthorityError) -> [JWTKeyRow] {
        do throws(RegistryError) { return try await registry.allJWTKeys() } catch { throw .registry(error) }
    }

    /// The private half of a key of ours; nil when its file has gone.
    func load(_ key: KeySchedule.Key) throws(AuthorityError) -> JWTSigningKey? {
        try files.load(key, of: registry.trustDomain)
    }

    /// A key is on disk before the registry knows of it, and gone from the registry before its file goes.
    func perform(_ steps: [JWTKeyStep]) async throws(AuthorityError) {
        guard !steps.isEmpty else { return }
        do throws(RegistryError) {
            if try await registry.perform(onJWTKeys: steps) { await publisher.changed() }
        } catch {
            throw .registry(error)
        }
        for step in steps { report(step) }
    }

    /// A new key, on disk.
    func make(_ now: Int64) throws(AuthorityError) -> JWTSigningKey {
        let key: JWTSigningKey
        do throws(IssuanceError) {
            key = try .generate(for: registry.trustDomain, notAfter: now + lifetime.components.seconds)
        } catch {
            throw .issuance(error)
        }
        try files.write(key)
        return key
    }

    private func report(_ step: JWTKeyStep) {
        switch step {
        case .add(let key, let state, _):
            observe(.jwtKeyPrepared(keyID: key.authority.keyID, notAfter: key.notAfter))
            if state == .active { observe(.jwtKeyActivated(keyID: key.authority.keyID)) }
        case .activate(let keyID): observe(.jwtKeyActivated(keyID: keyID))
        case .taint(let keyID): observe(.jwtKeyTainted(keyID: keyID))
        case .remove(let keyID): observe(.jwtKeyRemoved(keyID: keyID))
        case .revoke(let keyID): observe(.jwtKeyRevoked(keyID: keyID))
        }
    }
}
