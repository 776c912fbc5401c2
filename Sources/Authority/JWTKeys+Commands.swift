internal import Issuance
internal import JOSE

/// By command what the schedule does in time, and what only an operator can know: that a key is in other hands.
extension JWTKeys {
    /// That have not ended.
    private static var most: Int { 8 }

    /// Makes the next key: published from now on, signing later.
    func prepare() async throws(JWTKeyError) -> JWTKeyRow {
        try await step { (keys, rows) throws(JWTKeyError) in
            let own = keys.own(rows)
            if let prepared = own.prepared(at: keys.now()) { throw .alreadyPrepared(prepared.id) }
            let made = try keys.successor(own)
            return (made.authority.keyID, [.add(made, .prepared, at: keys.now())])
        }
    }

    /// Has the prepared key sign.
    func activate() async throws(JWTKeyError) -> JWTKeyRow {
        try await step { (keys, rows) throws(JWTKeyError) in
            guard let prepared = keys.own(rows).prepared(at: keys.now()) else { throw .nonePrepared }
            let age = keys.now() - prepared.preparedAt
            guard age >= AuthorityLifecycle.leastNotice else {
                throw .tooEarly(seconds: AuthorityLifecycle.leastNotice - age)
            }
            guard try keys.canSign(prepared) else { throw .lost(prepared.id) }
            return (prepared.id, [.activate(prepared.id)])
        }
    }

    /// Has nothing given out any more that a key signed, which signs no more.
    func taint(_ keyID: String) async throws(JWTKeyError) -> JWTKeyRow {
        try await step { (keys, rows) throws(JWTKeyError) in
            let row = try find(keyID, in: rows)
            guard row.owner == keys.registry.owner else { throw .foreign(row.key.id, owner: row.owner) }
            switch row.key.state {
            case .active: throw .signs(row.key.id)
            case .prepared: throw .neverSigned(row.key.id)
            case .retired: return (row.key.id, row.isTainted ? [] : [.taint(row.key.id)])
            }
        }
    }

    /// Has what a key signed refused by everybody, for good.
    ///
    /// - Parameter force: also if it is not tainted, or another authority's, or the one that signs: another signs in its place then,
    ///   of which not everybody has heard.
    func revoke(_ keyID: String, force: Bool) async throws(JWTKeyError) -> JWTKeyRow {
        let row = try await inTurn { (keys) throws(JWTKeyError) in
            try await keys.perform(revoking: keyID, force: force)
        }
        // Signs with another already, and its file goes.
        _ = try? await current()
        return row
    }

    private func perform(revoking keyID: String, force: Bool) async throws(JWTKeyError) -> JWTKeyRow {
        let rows = try await all()
        let row = try find(keyID, in: rows)
        try await attempt(stepsToRevoke(row, beside: rows, force: force))
        keysChanged(without: [row.key.id])
        return row
    }

    private func stepsToRevoke(
        _ row: JWTKeyRow, beside rows: [JWTKeyRow], force: Bool
    ) throws(JWTKeyError) -> [JWTKeyStep] {
        let keyID = row.key.id
        guard row.owner == registry.owner else {
            guard force else { throw .foreign(keyID, owner: row.owner) }
            return [.revoke(keyID)]
        }
        switch row.key.state {
        case .prepared: return [.revoke(keyID)]
        case .retired:
            guard row.isTainted || force else { throw .notTainted(keyID) }
            return [.revoke(keyID)]
        case .active:
            guard force else { throw .signs(keyID) }
            let prepared = own(rows).prepared(at: now())
            if let prepared, (try? canSign(prepared)) == true { return [.activate(prepared.id), .revoke(keyID)] }
            let useless = prepared.map { [JWTKeyStep.revoke($0.id)] } ?? []
            return [.revoke(keyID)] + useless + [.add(try make(), .active, at: now())]
        }
    }

    // MARK: Parts

    /// Makes the steps that `decide` names for the keys that are there, and answers what has become of the one that it names.
    private func step(
        _ decide:
            @escaping @Sendable (isolated JWTKeys, [JWTKeyRow]) throws(JWTKeyError) -> (String, [JWTKeyStep])
    ) async throws(JWTKeyError) -> JWTKeyRow {
        try await inTurn { (keys) throws(JWTKeyError) in
            let (keyID, steps) = try decide(keys, try await keys.all())
            try await keys.attempt(steps)
            if !steps.isEmpty { keys.keysChanged() }
            return try find(keyID, in: await keys.all())
        }
    }

    private func attempt(_ steps: [JWTKeyStep]) async throws(JWTKeyError) {
        do throws(AuthorityError) { try await perform(steps) } catch { throw .authority(error) }
        // Nodes hear of it before who asked does.
        if !steps.isEmpty { _ = try? await publisher.current() }
    }

    private func successor(_ own: [KeySchedule.Key]) throws(JWTKeyError) -> JWTSigningKey {
        let now = now()
        let living = own.count { $0.notAfter > now }
        guard living < Self.most else { throw .tooMany(living) }
        return try make()
    }

    private func make() throws(JWTKeyError) -> JWTSigningKey {
        do throws(AuthorityError) { return try make(now()) } catch { throw .authority(error) }
    }

    private func canSign(_ key: KeySchedule.Key) throws(JWTKeyError) -> Bool {
        do throws(AuthorityError) { return try load(key) != nil } catch { throw .authority(error) }
    }

    /// Those of other authorities too, oldest first.
    func all() async throws(JWTKeyError) -> [JWTKeyRow] {
        do throws(AuthorityError) { return try await allKeys() } catch { throw .authority(error) }
    }
}

private func find(_ keyID: String, in rows: [JWTKeyRow]) throws(JWTKeyError) -> JWTKeyRow {
    let found = rows.filter { $0.key.id.hasPrefix(keyID) }
    guard !keyID.isEmpty, let row = found.first else { throw .notFound(keyID) }
    guard found.count == 1 else { throw .ambiguous(keyID) }
    return row
}

extension [KeySchedule.Key] {
    /// One that has ended is kept for a while, and takes over from none.
    fileprivate func prepared(at now: Int64) -> KeySchedule.Key? {
        first { $0.state == .prepared && $0.notAfter > now }
    }
}
