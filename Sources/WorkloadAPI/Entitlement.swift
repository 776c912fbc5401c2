internal import AuthorityAPI
internal import GRPCCore
internal import Identity
internal import LinuxBinding

/// What a caller may have.
struct Entitlement: Sendable, Equatable {
    struct Identity: Sendable {
        let svid: KeyedSVID
        /// Empty for none.
        let hint: String
    }

    /// The default first; never empty, and none twice.
    let identities: [Identity]
    let bundle: TrustBundle

    /// Those of a pod's own SVID and of entries in this order. A hint that an earlier one has is none
    /// (SPIFFE_Workload_API.md section 5.2.1).
    init?(_ candidates: [Identity], bundle: TrustBundle) {
        var ids: Set<SPIFFEID> = []
        var hints: Set<String> = []
        identities = candidates.filter { ids.insert($0.svid.svid.id).inserted }.map { identity in
            let isNew = identity.hint.isEmpty || hints.insert(identity.hint).inserted
            return isNew ? identity : Identity(svid: identity.svid, hint: "")
        }
        guard !identities.isEmpty else { return nil }
        self.bundle = bundle
    }
}

extension Entitlement.Identity: Equatable {
    static func == (a: Self, b: Self) -> Bool { a.svid.svid == b.svid.svid && a.hint == b.hint }
}

/// Why a caller gets nothing.
enum Denial: Error, Equatable {
    /// The process has ended.
    case gone
    /// Nothing that is registered fits.
    case noIdentity
    /// The node does not know yet, or the authority does not answer.
    case notReady

    /// SPIFFE_Workload_Endpoint.md section 6.
    var status: RPCError {
        switch self {
        case .gone: RPCError(code: .permissionDenied, message: "the process that connected has ended")
        case .noIdentity: RPCError(code: .permissionDenied, message: "no identity is registered for this process")
        case .notReady: RPCError(code: .unavailable, message: "identities are not known yet: try again")
        }
    }
}

/// Decides who gets what.
struct Attestor: Sendable {
    let identities: any WorkloadIdentities
    private let digests = ExecutableDigests()

    init(_ identities: any WorkloadIdentities) { self.identities = identities }

    /// All is looked at anew: what was true of a caller a moment ago need not be now.
    func entitlement(of caller: Caller) async throws(Denial) -> Entitlement {
        let entries = await identities.entries()
        let pod = await pod(of: caller)
        // A pod's own is held over restarts, whether or not the authority can be asked for more.
        guard entries != nil || pod?.svid != nil else { throw .notReady }
        var evidence = Evidence(caller, pod: pod?.facts, digests: digests)
        var fitting: [WorkloadEntry] = []
        for entry in entries ?? [] where await evidence.fits(entry) { fitting.append(entry) }
        guard caller.process.isAlive else { throw .gone }
        guard pod?.svid != nil || !fitting.isEmpty else { throw .noIdentity }
        let own = pod?.svid.map { [Entitlement.Identity(svid: $0, hint: "")] } ?? []
        guard let entitlement = Entitlement(own + (await issued(fitting)), bundle: identities.bundle) else {
            throw .notReady
        }
        return entitlement
    }

    private func pod(of caller: Caller) async -> KnownPod? {
        guard case .container(let number) = caller.place else { return nil }
        return await identities.pod(inNamespace: number)
    }

    /// Asked for at once, in the order of the entries; those that cannot be had are left out until they can.
    private func issued(_ entries: [WorkloadEntry]) async -> [Entitlement.Identity] {
        await withTaskGroup(of: (Int, Entitlement.Identity?).self) { group in
            for (index, entry) in entries.enumerated() {
                group.addTask {
                    (index, await identities.svid(of: entry).map { Entitlement.Identity(svid: $0, hint: entry.hint) })
                }
            }
            let all = await group.reduce(into: []) { $0.append($1) }
            return all.sorted { $0.0 < $1.0 }.compactMap(\.1)
        }
    }
}
