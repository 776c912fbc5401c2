public import AuthorityAPI
internal import GRPCCore
internal import Identity
public import JOSE

/// A call for a token that is under way, whoever waits for it.
typealias JWTRequest = Task<Result<JWTSVID, AuthorityCallError>, Never>

extension NodeIdentityService {
    /// That are asked for at one time with one identity, for audiences that whoever asks may choose.
    private static let mostTokensAtOnce = 64

    /// A JWT-SVID for processes that fit an entry of this node. One may be given out several times in the first half of its
    /// life, and later while the authority does not answer.
    public func jwtSVID(
        of entry: WorkloadEntry, audience: JWTAudience
    ) async throws(AuthorityCallError) -> JWTSVID {
        guard entries?.contains(entry) == true else { throw .notRegistered("entry \(entry.id) is none of this node's") }
        return try await jwtSVID(of: .entry(id: entry.id), expecting: entry.spiffeID, audience: audience)
    }

    /// The same for a pod that has an X.509-SVID.
    public func jwtSVID(of pod: PodName, audience: JWTAudience) async throws(AuthorityCallError) -> JWTSVID {
        guard let issued = workloads[pod]?.issued else { throw .notRegistered("pod \(pod) has no identity") }
        return try await jwtSVID(of: .pod(pod), expecting: issued.svid.svid.id, audience: audience)
    }

    /// Whether a token that somebody shows is good for an audience, now, by the keys of this trust domain.
    public nonisolated func validate(_ token: String, audience: String) throws(JWTRejection) -> JWTSVID {
        try JWTSVIDVerifier(bundles: [jwtBundle]).verify(token, audience: audience, at: clock.now())
    }

    private func jwtSVID(
        of subject: JWTCache.Subject, expecting id: SPIFFEID, audience: JWTAudience
    ) async throws(AuthorityCallError) -> JWTSVID {
        let key = JWTCache.Key(subject: subject, audience: audience)
        if let svid = jwtCache.fresh(key, now: clock.now()), svid.id == id { return svid }
        // Nobody waits for an authority that is known to be away, as long as there is something to give.
        if await !slot.isConnected, let svid = jwtCache.last(key, now: clock.now()), svid.id == id { return svid }
        do throws(AuthorityCallError) {
            return try await sharedRequest(key, id).get()
        } catch {
            guard error.isOfTheMoment, let svid = jwtCache.last(key, now: clock.now()), svid.id == id else {
                throw error
            }
            return svid
        }
    }

    private func sharedRequest(_ key: JWTCache.Key, _ id: SPIFFEID) async -> Result<JWTSVID, AuthorityCallError> {
        let others = jwtRequests[key.subject, default: [:]]
        if let request = others[key.audience] { return await request.value }
        guard others.count < Self.mostTokensAtOnce else {
            return .failure(.overloaded("\(others.count) tokens are asked for already with this identity"))
        }
        let request = JWTRequest {
            do throws(AuthorityCallError) { return .success(try await self.requestJWT(key, id)) } catch {
                return .failure(error)
            }
        }
        jwtRequests[key.subject, default: [:]][key.audience] = request
        let result = await request.value
        jwtRequests[key.subject]?[key.audience] = nil
        if jwtRequests[key.subject]?.isEmpty == true { jwtRequests[key.subject] = nil }
        return result
    }

    private func requestJWT(_ key: JWTCache.Key, _ id: SPIFFEID) async throws(AuthorityCallError) -> JWTSVID {
        let message = try message(key)
        let answer = try await workloadRequests.run(.token) { [caller] () async throws(AuthorityCallError) in
            try await caller.call { calls, options in try await calls.issueJWT(message, options: options) }
        }
        answered()
        let svid = try verified(answer.token, key.audience)
        guard svid.id == id else { throw .badAnswer("it is not the identity that was asked for") }
        guard isHeld(key.subject, as: id) else { throw .superseded }
        // Of one that was tainted while the answer was on its way, the next look is to find nothing.
        if jwtBundle.isInForce(keyID: svid.keyID) { jwtCache.insert(svid, for: key, now: clock.now()) }
        return svid
    }

    private func message(_ key: JWTCache.Key) throws(AuthorityCallError) -> Podshield_Authority_V1_IssueJWTRequest {
        guard currentSVID != nil else { throw .notJoined }
        var message = Podshield_Authority_V1_IssueJWTRequest()
        message.audience = key.audience.values
        switch key.subject {
        case .entry(let id): message.entry = id
        case .pod(let name):
            guard let pod = workloads[name]?.issued.pod else { throw .superseded }
            message.pod = Podshield_Authority_V1_PodFacts(pod)
        }
        return message
    }

    /// As whoever it is shown to will see it.
    private func verified(_ token: String, _ audience: JWTAudience) throws(AuthorityCallError) -> JWTSVID {
        let svid: JWTSVID
        do throws(JWTRejection) { svid = try validate(token, audience: audience.values[0]) } catch {
            throw .badAnswer("\(error)")
        }
        guard (try? JWTAudience(svid.audience)) == audience else { throw .badAnswer("it is for another audience") }
        return svid
    }

    /// What is for nobody any more is not kept.
    private func isHeld(_ subject: JWTCache.Subject, as id: SPIFFEID) -> Bool {
        switch subject {
        case .entry(let entry): entries?[entry]?.spiffeID == id
        case .pod(let name): workloads[name]?.issued.svid.svid.id == id
        }
    }
}
