public import Issuance

/// A key for JWT-SVIDs and where it stands in its life.
public struct JWTKeyRecord: Sendable, Equatable {
    /// Its thumbprint (RFC 7638), by which tokens and the JWKS name it.
    public let keyID: String
    public let state: KeySchedule.Key.State
    /// What it signed is given out no more.
    public let isTainted: Bool
    /// Seconds since 1970.
    public let preparedAt: Int64
    public let notAfter: Int64
    /// Name of the authority that has it; empty where there is one alone.
    public let owner: String

    init(_ row: JWTKeyRow) {
        keyID = row.key.id
        state = row.key.state
        isTainted = row.isTainted
        preparedAt = row.key.preparedAt
        notAfter = row.key.notAfter
        owner = row.owner
    }
}

/// The keys for JWT-SVIDs: led on by themselves in time, and by command before. Keys are named by the first characters of their IDs.
extension AuthorityService {
    /// Oldest first.
    public func keysForTokens() async throws(JWTKeyError) -> [JWTKeyRecord] {
        try await jwtKeys.all().map(JWTKeyRecord.init)
    }

    /// Makes the next key: published from now on, signing later.
    public func prepareKeyForTokens() async throws(JWTKeyError) -> JWTKeyRecord {
        defer { tellAbove() }
        return try await JWTKeyRecord(jwtKeys.prepare())
    }

    /// Has the prepared key sign; what others signed is good until it ends.
    public func activateKeyForTokens() async throws(JWTKeyError) -> JWTKeyRecord {
        try await JWTKeyRecord(jwtKeys.activate())
    }

    /// Has nothing given out any more that a retired key signed.
    public func taintKeyForTokens(_ keyID: String) async throws(JWTKeyError) -> JWTKeyRecord {
        try await JWTKeyRecord(jwtKeys.taint(keyID))
    }

    /// Has what a key signed refused by everybody, for good.
    ///
    /// - Parameter force: also if it is not tainted, or another authority's, or the one that signs.
    public func revokeKeyForTokens(_ keyID: String, force: Bool = false) async throws(JWTKeyError) -> JWTKeyRecord {
        // Of the one that signs there is another at once.
        defer { tellAbove() }
        return try await JWTKeyRecord(jwtKeys.revoke(keyID, force: force))
    }

    /// There may be a key that is not published above yet. Nobody waits for those above.
    private func tellAbove() {
        Task { [upstreamTrust] in await upstreamTrust.look(keysToo: true) }
    }
}
