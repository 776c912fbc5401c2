internal import Issuance
internal import OpenSSLBinding
internal import PatientThreads

/// Leads the CAs through their lives, by the schedule and by command: the registry remembers, files hold what is ours of the
/// keys, `authorities` has what counts now.
///
/// A CA is trusted before it signs anything, and for as long as something that it signed is good.
actor AuthorityLifecycle: TurnTaking {
    let files: AuthorityFiles
    let registry: Registry
    let authorities: Authorities
    private let health: KeyHealth
    private let publisher: DirectoryPublisher
    private let now: @Sendable () -> Int64
    let observe: @Sendable (AuthorityEvent) -> Void
    var last: Task<Void, Never>?
    /// What kept the schedule from being kept when it was last looked at.
    private var failure: SuccessionError?
    private var seenEnded = SeenEnded()
    private let graceOfEnded: Duration
    var inquiry = UpstreamInquiry()
    /// CAs of ours that the authority above has revoked, by fingerprint.
    var takenBack: Set<String> = []
    /// When one that was prepared was last given up for another.
    var replacedAt: ContinuousClock.Instant?
    /// The files do not show what the registry says yet.
    private var filesAreBehind = false

    /// Between two looks at the schedule.
    private static let pause = Duration.seconds(30)
    /// Seconds from when a CA is published until it may sign, and from when an SVID is replaced until it counts as unused: time
    /// enough for everybody to be told, and for every node to show its peers the new one.
    static let leastNotice: Int64 = 15
    /// That have not ended.
    private static let most = 8
    /// With those that have: fewer than a bundle has room for.
    private static let mostTrusted = 15

    init(
        files: AuthorityFiles, registry: Registry, authorities: Authorities, health: KeyHealth,
        publisher: DirectoryPublisher, graceOfEnded: Duration, now: @escaping @Sendable () -> Int64,
        observe: @escaping @Sendable (AuthorityEvent) -> Void
    ) {
        self.graceOfEnded = graceOfEnded
        self.files = files
        self.registry = registry
        self.authorities = authorities
        self.health = health
        self.publisher = publisher
        self.now = now
        self.observe = observe
    }

    // MARK: The schedule

    /// Keeps the schedule, until the task is cancelled.
    func keepSchedule() async {
        while !Task.isCancelled {
            await look()
            try? await Task.sleep(for: Self.pause)
        }
    }

    /// Does what is due. What fails is tried at the next look, and said once.
    func look() async {
        do throws(SuccessionError) {
            try await inTurn { (lifecycle) async throws(SuccessionError) in
                if lifecycle.filesAreBehind { lifecycle.writeFiles() }
                try await lifecycle.takeDueSteps()
            }
            failure = nil
        } catch {
            if error != failure { observe(.successionFailed(error)) }
            failure = error
        }
    }

    /// One transaction, so that there is always one that signs. What cannot be made keeps nothing else back.
    private func takeDueSteps() async throws(SuccessionError) {
        let now = now()
        let foreign = authorities.current.foreign.map { $0.chain[0] }.filter { $0.notAfter <= now }.map(\.fingerprint)
        seenEnded.keepOnly(authorities.current.all.filter { $0.notAfter <= now }.map(\.fingerprint) + foreign)
        var steps: [AuthorityStep] = []
        var made: CertificateAuthority?
        let isDue = inquiry.isDue
        var failure = await askAbove(now)
        let isAway = failure != nil
        for step in dueSteps(now) {
            switch step {
            // A root that nobody trusts helps nobody, and the clock may be what is wrong.
            case .make(.active) where !files.isAsked: failure = .ended
            case .make:
                guard !isAway else { continue }
                do throws(SuccessionError) {
                    let successor = try await makeSuccessor(now)
                    made = successor
                    steps += giveUpPrepared()
                    steps.append(.add(AuthorityRow(chain: successor.chain, state: .prepared, preparedAt: now)))
                } catch {
                    failure = error
                }
            case .activate(let fingerprint): steps.append(.activate(fingerprint))
            case .remove(let fingerprint): if isOverForGood(fingerprint) { steps.append(.remove(fingerprint)) }
            }
        }
        // Those of authorities that are gone are taken away by whoever is there.
        steps += foreign.filter { seenEnded.isOver($0, after: graceOfEnded) }.map { .remove($0) }
        if isDue { inquiry.note(failure, pause: Self.pause) }
        if !steps.isEmpty { try await perform(steps, made: made) }
        if let failure { throw failure }
    }

    /// Has an authority above that is asked say who it is now. Nil where there is none or it has answered; else what keeps it, or
    /// us from asking already.
    private func askAbove(_ now: Int64) async -> SuccessionError? {
        guard case .asked(let above)? = files.upstream else { return nil }
        guard inquiry.isDue else { return inquiry.failure }
        let answer = await PatientThreads.ofThoseAbove.result { () throws(IssuanceError) in try above.chain(at: now) }
        guard let answer else { return inquiry.failure }
        do throws(IssuanceError) {
            if let root = try answer.get().last { inquiry.answered(root) }
            return nil
        } catch {
            return .authority(.upstream("\(above)", error))
        }
    }

    /// Keys cannot be brought back: a clock that was set ahead and back again must not have cost any.
    private func isOverForGood(_ fingerprint: String) -> Bool {
        guard authorities.current.active.fingerprint != fingerprint else { return false }
        return seenEnded.isOver(fingerprint, after: graceOfEnded)
    }

    // MARK: Commands

    /// Makes the next CA: trusted from now on, signing later.
    func prepare() async throws(SuccessionError) -> HeldAuthority {
        try await inTurn { (lifecycle) async throws(SuccessionError) in
            let set = lifecycle.authorities.current
            if let prepared = set.all.first(where: { $0.state == .prepared }) {
                throw .alreadyPrepared(prepared.fingerprint)
            }
            let now = lifecycle.now()
            let made = try await lifecycle.makeSuccessor(now)
            let row = AuthorityRow(chain: made.chain, state: .prepared, preparedAt: now)
            try await lifecycle.perform([.add(row)], made: made)
            return try lifecycle.find(made.certificate.fingerprint)
        }
    }

    /// Lets the prepared CA sign.
    func activate() async throws(SuccessionError) -> HeldAuthority {
        try await inTurn { (lifecycle) async throws(SuccessionError) in
            let set = lifecycle.authorities.current
            guard let prepared = set.all.first(where: { $0.state == .prepared }) else { throw .nonePrepared }
            let age = lifecycle.now() - prepared.preparedAt
            guard age >= Self.leastNotice else { throw .tooEarly(seconds: Self.leastNotice - age) }
            try await lifecycle.perform([.activate(prepared.fingerprint)])
            return try lifecycle.find(prepared.fingerprint)
        }
    }

    /// Has everything replaced that a CA issued, which signs no more.
    func taint(_ fingerprint: String) async throws(SuccessionError) -> HeldAuthority {
        try await inTurn { (lifecycle) async throws(SuccessionError) in
            let authority = try lifecycle.find(fingerprint)
            switch authority.state {
            case .active: throw .signs(authority.fingerprint)
            case .prepared: throw .neverSigned(authority.fingerprint)
            case .retired: break
            }
            try lifecycle.checkOwnKey(authority)
            guard !authority.isTainted else { return authority }
            try await lifecycle.perform([.taint(authority.fingerprint)])
            return try lifecycle.find(authority.fingerprint)
        }
    }

    /// Has a CA trusted by nobody any more, for good.
    ///
    /// - Parameter force: also if what it issued is in use, or if it is another authority's, which may be gone: one that is not has
    ///   nothing to sign with then.
    func revoke(_ fingerprint: String, force: Bool) async throws(SuccessionError) -> AuthorityRow {
        try await inTurn { (lifecycle) async throws(SuccessionError) in
            let row = try lifecycle.revocable(fingerprint, evenForeign: force)
            if row.owner == lifecycle.registry.owner {
                try await lifecycle.checkRevocable(lifecycle.find(fingerprint), force: force)
            }
            try await lifecycle.perform([.revoke(row.chain[0].fingerprint)])
            return row
        }
    }

    private func revocable(_ fingerprint: String, evenForeign: Bool) throws(SuccessionError) -> AuthorityRow {
        do throws(SuccessionError) { return try find(fingerprint).row } catch {
            guard evenForeign, case .foreign(let whole, _) = error,
                let row = authorities.current.foreign.first(where: { $0.chain[0].fingerprint == whole })
            else { throw error }
            return row
        }
    }

    private func checkRevocable(_ authority: HeldAuthority, force: Bool) async throws(SuccessionError) {
        switch authority.state {
        case .active: throw .signs(authority.fingerprint)
        case .prepared: return
        case .retired: break
        }
        try checkOwnKey(authority)
        // Whoever trusts the root above trusts what it issued, whatever is said here.
        guard authority.authority.issuers.isEmpty || !isRootShared(authority) else {
            throw .belowUpstream(authority.fingerprint)
        }
        guard !force else { return }
        guard authority.isTainted else { throw .notTainted(authority.fingerprint) }
        let inUse = try await inUse()[authority.fingerprint] ?? 0
        guard inUse == 0 else { throw .inUse(authority.fingerprint, svids: inUse) }
    }

    /// Of two certificates of one key nobody can tell which issued what.
    private func checkOwnKey(_ authority: HeldAuthority) throws(SuccessionError) {
        let key = authority.authority.key.publicKey
        let others = authorities.current.all.filter { $0.fingerprint != authority.fingerprint }
        guard !others.contains(where: { $0.authority.key.publicKey == key }) else {
            throw .sharedKey(authority.fingerprint)
        }
    }

    /// By fingerprint, the SVIDs that were issued, have not ended, and have not been replaced for so long that nobody who was shown
    /// one still goes by it: links between nodes live on for a while after it.
    func inUse() async throws(SuccessionError) -> [String: Int] {
        do throws(RegistryError) {
            return try await registry.certificatesInUse(now: now(), replacedBefore: now() - Self.leastNotice)
        } catch {
            throw .authority(.registry(error))
        }
    }

    private func find(_ fingerprint: String) throws(SuccessionError) -> HeldAuthority {
        let wanted = fingerprint.filter { $0 != ":" }.lowercased()
        let set = authorities.current
        let found = set.all.filter { $0.fingerprint.hasPrefix(wanted) }
        if found.isEmpty, let row = set.foreign.first(where: { $0.chain[0].fingerprint.hasPrefix(wanted) }) {
            throw .foreign(row.chain[0].fingerprint, owner: row.owner)
        }
        guard !wanted.isEmpty, let authority = found.first else { throw .notFound(fingerprint) }
        guard found.count == 1 else { throw .ambiguous(fingerprint) }
        return authority
    }

    // MARK: Steps

    private func makeSuccessor(_ now: Int64) async throws(SuccessionError) -> CertificateAuthority {
        let set = authorities.current
        let living = set.all.count { $0.notAfter > now }
        guard living < Self.most, set.all.count + set.foreign.count < Self.mostTrusted else { throw .tooMany(living) }
        let made = await PatientThreads.ofThoseAbove.result { [files] () throws(AuthorityError) in
            try files.makeSuccessor(of: set.active.authority, now: now)
        }
        guard let made else { throw .authority(.changing) }
        do throws(AuthorityError) { return try made.get() } catch { throw .authority(error) }
    }

    /// In the registry first, where they are whole or not at all; then here, for everybody, and in the files.
    func perform(_ steps: [AuthorityStep], made: CertificateAuthority? = nil) async throws(SuccessionError) {
        let rows: AuthorityRows
        do throws(RegistryError) { rows = try await registry.perform(steps) } catch {
            throw .authority(.registry(error))
        }
        try take(rows, made: made)
        for step in steps { report(step) }
        await publisher.changed()
        _ = try? await publisher.current()
        writeFiles()
    }

    private func take(_ rows: AuthorityRows, made: CertificateAuthority? = nil) throws(SuccessionError) {
        var known = authorities.current.all.map(\.authority) + (made.map { [$0] } ?? [])
        // One that was made, and of which the registry did not say in time that it knows it.
        for row in rows.of(registry.owner) where !known.contains(where: { $0.certificate == row.chain[0] }) {
            let active = authorities.current.active.authority
            do throws(AuthorityError) { known.append(try files.load(row, beside: active)) } catch {
                throw .authority(error)
            }
        }
        guard let set = AuthoritySet(rows, ownedBy: registry.owner, of: known, health: health) else {
            throw .authority(.changing)
        }
        authorities.replace(by: set)
    }

    /// Another authority that shares the registry has led its CAs on, or taken out ours. Whether there is one of ours that signs.
    func reload() async -> Bool {
        do throws(SuccessionError) {
            try await inTurn { (lifecycle) async throws(SuccessionError) in
                let rows: AuthorityRows
                do throws(RegistryError) { rows = try await lifecycle.registry.authorities() } catch {
                    throw .authority(.registry(error))
                }
                guard rows.of(lifecycle.registry.owner).contains(where: { $0.state == .active }) else {
                    throw .takenOut
                }
                try lifecycle.take(rows)
            }
        } catch {
            observe(.successionFailed(error))
            return error != .takenOut
        }
        return true
    }

    /// A step is done once the registry has it; files that could not be written are said, and written at the next look.
    private func writeFiles() {
        let set = authorities.current
        do throws(AuthorityError) {
            try files.publish(set.active.authority)
            try files.keepOnlyKeys(of: set.all.map(\.authority.certificate))
            filesAreBehind = false
        } catch {
            if !filesAreBehind { observe(.successionFailed(.authority(error))) }
            filesAreBehind = true
        }
    }

    private func report(_ step: AuthorityStep) {
        switch step {
        case .add(let row):
            observe(.authorityPrepared(fingerprint: row.chain[0].fingerprint, notAfter: row.chain[0].notAfter))
        case .activate(let fingerprint): observe(.authorityActivated(fingerprint: fingerprint))
        case .taint(let fingerprint): observe(.authorityTainted(fingerprint: fingerprint))
        case .remove(let fingerprint): observe(.authorityRemoved(fingerprint: fingerprint))
        case .revoke(let fingerprint): observe(.authorityRevoked(fingerprint: fingerprint))
        case .trustAbove(let roots): observe(.rootsAboveChanged(fingerprints: roots.map(\.fingerprint)))
        }
    }
}
