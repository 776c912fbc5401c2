internal import AuthorityAPI
internal import Identity
internal import JOSE
internal import LinuxBinding

/// Decides who gets what. All is looked at anew each time: what was true of a workload a moment ago need not be now.
struct Attestor: Sendable {
    let identities: any WorkloadIdentities
    private let digests = ExecutableDigests()
    /// Whom it gives to nobody.
    private var withheld: Set<SPIFFEID> = []

    init(_ identities: any WorkloadIdentities) { self.identities = identities }

    /// One that does not give these identities to anybody, whoever is entitled to them.
    func withholding(_ ids: Set<SPIFFEID>) -> Attestor {
        var attestor = self
        attestor.withheld = ids
        return attestor
    }

    /// The identities that a workload may have.
    func entitlement(of workload: Workload) async throws(Denial) -> Entitlement {
        let entries = await identities.entries()
        let pod = await pod(of: workload)
        var evidence = Evidence(workload, pod: pod, identities: identities, digests: digests)
        var holders: [IdentityHolder] = []
        if let pod, let svid = pod.svid { holders.append(.pod(pod.facts, svid, federatesWith: pod.federatesWith)) }
        holders += await evidence.fitting(entries.index).map(IdentityHolder.entry)
        // What was held before a restart is, whether or not the authority can be asked for more; likewise the runtime.
        let areAll = entries.areAll && !evidence.isPartial
        guard areAll || !holders.isEmpty else { throw .notReady }
        guard workload.mayBeThere else { throw .gone }
        let given = holders.filter { !withheld.contains($0.id) }
        guard let entitlement = Entitlement(given, areAll: areAll, wasWaitedFor: evidence.hasAsked) else {
            throw areAll ? .noIdentity : .notReady
        }
        if case .process(let caller) = workload { caller.hasIdentity() }
        return entitlement
    }

    private func pod(of workload: Workload) async -> KnownPod? {
        switch workload {
        case .pod(let pod): return pod
        case .process(let caller):
            guard case .container(let number) = caller.place else { return nil }
            return await identities.pod(inNamespace: number)
        }
    }

    // MARK: X.509

    /// - Parameter watch: tells from then on when one of these SVIDs is another.
    func x509Context(
        of workload: Workload, following watch: IdentityWatch? = nil
    ) async throws(Denial) -> X509Context {
        let (entitlement, svids) = try await steadily(workload) {
            (entitlement) async throws(Denial) -> Given<HintedSVID> in
            watch?.follow(entitlement.entries)
            return await self.svids(of: entitlement)
        }
        return X509Context(
            svids: svids, bundle: identities.bundle, foreignBundles: foreign(for: entitlement).map(\.bundle))
    }

    /// With thousands of streams, what is there already is to cost no second look.
    private func svids(of entitlement: Entitlement) async -> Given<HintedSVID> {
        let held = await svids(of: entitlement) { [identities] in await identities.heldSVID(of: $0) }
        guard held.count < entitlement.identities.count else { return Given(parts: held, wasWaitedFor: false) }
        let asked = await svids(of: entitlement) { [identities] in await identities.svid(of: $0) }
        return Given(parts: asked, wasWaitedFor: true)
    }

    private func svids(
        of entitlement: Entitlement, _ svid: @escaping @Sendable (WorkloadEntry) async -> KeyedSVID?
    ) async -> [HintedSVID] {
        await entitlement.each { identity in
            let found: KeyedSVID? =
                switch identity.holder {
                case .pod(_, let own, _): own
                case .entry(let entry): await svid(entry)
                }
            return found.map { HintedSVID(svid: $0, hint: identity.hint) }
        }
    }

    /// The own one first.
    func bundles(for workload: Workload) async throws(Denial) -> [TrustBundle] {
        let entitlement = try await entitlement(of: workload)
        return [identities.bundle] + foreign(for: entitlement).map(\.bundle)
    }

    /// Of the trust domains that one of its identities federates with; by name.
    private func foreign(for entitlement: Entitlement) -> [BundleDocument] {
        let wanted = entitlement.identities.reduce(into: Set<TrustDomain>()) { $0.formUnion($1.holder.federatesWith) }
        return identities.foreignBundles.filter { wanted.contains($0.bundle.trustDomain) }
            .sorted { $0.bundle.trustDomain.name < $1.bundle.trustDomain.name }
    }

    // MARK: JWT

    func tokens(of workload: Workload, _ wish: TokenWish) async throws(Denial) -> [HintedToken] {
        try await steadily(workload) { (all) async throws(Denial) -> Given<HintedToken> in
            guard let wanted = wish.id.map(all.only) ?? all else { throw all.areAll ? .noIdentity : .notReady }
            let tokens = await wanted.each { [identities] identity in
                await identities.jwtSVID(of: identity.holder, audience: wish.audience)
                    .map { HintedToken(svid: $0, hint: identity.hint) }
            }
            return Given(parts: tokens, wasWaitedFor: true)
        }.parts
    }

    /// The own one first.
    func jwtBundles(for workload: Workload) async throws(Denial) -> [JWTBundle] {
        let entitlement = try await entitlement(of: workload)
        return [identities.jwtBundle] + foreign(for: entitlement).map(\.jwtBundle)
    }

    /// Whether a token is good for an audience, now. Everybody may ask that of the own trust domain's: it tells nothing that the
    /// token does not; of another's who may have its bundle.
    func validate(_ token: String, audience: String, for caller: Caller) async throws(Denial) -> JWTSVID {
        do throws(JWTRejection) { return try validate(token, audience, [identities.jwtBundle]) } catch {
            guard case .foreignTrustDomain = error, let bundles = try? await jwtBundles(for: .process(caller)) else {
                throw .badRequest("\(error)")
            }
            do throws(JWTRejection) { return try validate(token, audience, bundles) } catch {
                throw .badRequest("\(error)")
            }
        }
    }

    private func validate(
        _ token: String, _ audience: String, _ bundles: [JWTBundle]
    ) throws(JWTRejection) -> JWTSVID {
        try JWTSVIDVerifier(bundles: bundles).verify(token, audience: audience, at: identities.now())
    }
}

/// All that one message of FetchX509SVID says.
struct X509Context: Sendable, Equatable {
    let svids: [HintedSVID]
    let bundle: TrustBundle
    let foreignBundles: [TrustBundle]
}

struct HintedSVID: Sendable, Equatable {
    let svid: KeyedSVID
    let hint: String

    static func == (a: Self, b: Self) -> Bool { a.svid.svid == b.svid.svid && a.hint == b.hint }
}

struct HintedToken: Sendable {
    let svid: JWTSVID
    let hint: String
}
