internal import Issuance
internal import JOSE

/// By command what the schedule does in time, and what only an operator can know: that a key is in other hands.
extension JWTKeys {
    /// That have not ended.
    private static var most: Int { 8 }

    /// Makes the next key: published from now on, signing later.
    func prepare() async throws(JWTKeyError) -> JWTKeyRow {
        try await step { (keys, rows) throws(JWTKeyError) in
            if let prepared = rows.first(where: { $0.key.state == .prepared }) {
                throw .alreadyPrepared(prepared.key.id)
            }
            let made = try keys.successor(rows)
            return (made.authority.keyID, [.add(made, .prepared, at: keys.now())])
        }
    }

    /// Has the prepared key sign.
    func activate() async throws(JWTKeyError) -> JWTKeyRow {
        try await step { (keys, rows) throws(JWTKeyError) in
            guard let prepared = rows.first(where: { $0.key.state == .prepared })?.key else { throw .nonePrepared }
            let age = keys.now() - prepared.preparedAt
            guard age >= AuthorityLifecycle.leastNotice else {
                throw .tooEarly(seconds: AuthorityLifecycle.leastNotice - age)
            }
            return (prepared.id, [.activate(prepared.id)])
        }
    }

    /// Has nothing given out any more that a key signed, which signs no more.
    func taint(_ keyID: String) async throws(JWTKeyError) -> JWTKeyRow {
        try await step { (keys, _) throws(JWTKeyError) in
            let row = try await keys.find(keyID)
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
        }.get()
        // Signs with another already, and its file goes.
        _ = try? await current()
        return row
    }

    private func perform(revoking keyID: String, force: Bool) async throws(JWTKeyError) -> JWTKeyRow {
        let row = try await find(keyID)
        try await attempt(stepsToRevoke(row, force: force))
        keysChanged(without: [row.key.id])
        return row
    }

    private func stepsToRevoke(_ row: JWTKeyRow, force: Bool) async throws(JWTKeyError) -> [JWTKeyStep] {
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
            let own = try await own()
            if let prepared = own.first(where: { $0.key.state == .prepared }) {
                return [.activate(prepared.key.id), .revoke(keyID)]
            }
            return [.revoke(keyID), .add(try make(), .active, at: now())]
        }
    }

    // MARK: Parts

    /// Makes the steps that `decide` names for the keys that are there, and answers what has become of the one that it names.
    private func step(
        _ decide:
            @escaping @Sendable (isolated JWTKeys, [JWTKeyRow]) async throws(JWTKeyError) -> (String, [JWTKeyStep])
    ) async throws(JWTKeyError) -> JWTKeyRow {
        try await inTurn { (keys) throws(JWTKeyError) in
            let (keyID, steps) = try await decide(keys, try await keys.own())
            try await keys.attempt(steps)
            keys.keysChanged()
            return try await keys.find(keyID)
        }.get()
    }

    private func attempt(_ steps: [JWTKeyStep]) async throws(JWTKeyError) {
        do throws(AuthorityError) { try await perform(steps) } catch { throw .authority(error) }
    }

    private func successor(_ rows: [JWTKeyRow]) throws(JWTKeyError) -> JWTSigningKey {
        let now = now()
        let living = rows.count { $0.key.notAfter > now }
        guard living < Self.most else { throw .tooMany(living) }
        return try make()
    }

    private func make() throws(JWTKeyError) -> JWTSigningKey {
        do throws(AuthorityError) { return try make(now()) } catch { throw .authority(error) }
    }

    private func own() async throws(JWTKeyError) -> [JWTKeyRow] {
        try await all().filter { $0.owner == registry.owner }
    }

    /// Those of other authorities too, oldest first.
    func all() async throws(JWTKeyError) -> [JWTKeyRow] {
        do throws(RegistryError) { return try await registry.allJWTKeys() } catch { throw .authority(.registry(error)) }
    }

    private func find(_ keyID: String) async throws(JWTKeyError) -> JWTKeyRow {
        let found = try await all().filter { $0.key.id.hasPrefix(keyID) }
        guard !keyID.isEmpty, let row = found.first else { throw .notFound(keyID) }
        guard found.count == 1 else { throw .ambiguous(keyID) }
        return row
    }
}
