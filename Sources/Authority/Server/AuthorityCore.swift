internal import Addressing
internal import AuthorityAPI
internal import Identity
internal import Issuance
internal import OpenSSLBinding

/// What the authority decides when nodes call, free of how they call.
struct AuthorityCore: Sendable {
    let settings: AuthoritySettings
    let authorities: Authorities
    let trust: PublishedTrust
    let registry: Registry
    let certificates: CertificateLog
    let publisher: DirectoryPublisher
    let entrySignals: EntrySignals
    let jwtKeys: JWTKeys
    let now: @Sendable () -> Int64
    let observe: @Sendable (AuthorityEvent) -> Void

    /// One segment that makes a node's SPIFFE ID.
    static func isNodeName(_ name: String) -> Bool { PodFacts.isName(name) && name.utf8.count <= 63 }

    // MARK: Callers

    /// The record of a node that calls: it has joined, is welcome, and its SVID is of now.
    func node(of caller: Caller) async throws(CallRefusal) -> NodeRecord {
        guard caller.notAfter > now() else { throw .expired(caller.id) }
        guard case .node(let name) = caller.id.kind else { throw .unknownNode(caller.id) }
        do throws(CallRefusal) {
            return try await member(name, caller)
        } catch {
            // It may have joined another authority only just now.
            guard try await isBehind() else { throw error }
            return try await member(name, caller)
        }
    }

    /// Whether others that share the registry have changed something, which counts here from now on.
    func isBehind() async throws(CallRefusal) -> Bool {
        do throws(RegistryError) { return try await registry.catchUp() } catch { throw .registry(error) }
    }

    private func member(_ name: String, _ caller: Caller) async throws(CallRefusal) -> NodeRecord {
        guard let showing = try await record(name, of: caller) else { throw .unknownNode(caller.id) }
        let node = showing.node
        guard !node.isBanned else { throw .banned(caller.id) }
        guard !isSuperseded(showing, caller) else { throw .superseded(caller.id) }
        guard !trust.bundle.revokes(serial: caller.serial) else { throw .revoked(caller.id) }
        // Of the node nothing was said when its CA was taken out: it has to show who it is once more.
        guard showing.isIssuedHere, isTrusted(caller) else { throw .issuedElsewhere(caller.id) }
        return node
    }

    /// Of a certificate that is not known, of after a backup that the registry was restored from, its time has to tell; but not where
    /// the node joined by a clock that was ahead.
    private func isSuperseded(_ showing: Registry.ShowingNode, _ caller: Caller) -> Bool {
        if let isSuperseded = showing.isSuperseded { return isSuperseded }
        let joinedAt = showing.node.joinedAt
        return joinedAt <= now() && caller.notBefore < joinedAt - X509SVID.backdating
    }

    /// Whether neither the SVID that it connected with nor the root above it has been taken back since.
    func isTrusted(_ caller: Caller) -> Bool {
        let bundle = trust.bundle
        return bundle.authorities.contains { $0.fingerprint == caller.anchor } && !bundle.revokes(serial: caller.serial)
    }

    private func record(_ name: String, of caller: Caller) async throws(CallRefusal) -> Registry.ShowingNode? {
        do throws(RegistryError) {
            return try await registry.node(name: name, showing: caller.serial, issuedBy: caller.issuer)
        } catch {
            throw .registry(error)
        }
    }

    // MARK: Nodes

    func issueNode(_ name: String, _ request: ProvenRequest, now: Int64) async throws(IssuanceError) -> X509SVID {
        let plan = try IssuancePlan.node(name, in: settings.trustDomain, lifetime: settings.nodeLifetime)
        return try await authorities.signer.sign(request, plan: plan, now: now)
    }

    /// A new SVID under the name that the node has.
    func renew(_ node: NodeRecord, request: [UInt8]) async throws(CallRefusal) -> X509SVID {
        let svid: X509SVID
        do throws(IssuanceError) {
            svid = try await issueNode(node.name, ProvenRequest(csrDER: request), now: now())
        } catch {
            throw .issuance(error)
        }
        try await certificates.record(svid, to: node.member, entry: nil)
        do throws(RegistryError) {
            try await registry.renewed(node.member, serial: svid.leaf.serialHex)
        } catch {
            throw .registry(error)
        }
        observe(.nodeRenewed(node.id, serial: svid.leaf.serialHex))
        return svid
    }

    /// Takes down what a node says of itself. Prefixes that no pod may have are left out and answered.
    func report(
        _ node: NodeRecord, endpoint: NodeEndpoint, leases: Set<IPPrefix>
    ) async throws(CallRefusal) -> (revision: UInt64, refused: [IPPrefix]) {
        let outcome = try await registry.report(
            node.number, endpoint: endpoint, leases: leases, inside: settings.leasable, now: now())
        if outcome.changesDirectory { await publisher.changed() }
        for takeover in outcome.takenOver {
            observe(.leaseTakenOver(takeover.prefix, by: node.number, from: takeover.from))
        }
        if !outcome.refused.isEmpty { observe(.leasesRefused(outcome.refused, node: node.id)) }
        return (outcome.revision, outcome.refused)
    }

    // MARK: Workloads

    /// Issues what the registration of a workload says, bound to the node that asks.
    func issue(
        _ subject: WorkloadSubject, request: [UInt8], on node: NodeRecord
    ) async throws(CallRefusal) -> (svid: X509SVID, registration: WorkloadRegistration) {
        let proven: ProvenRequest
        do throws(IssuanceError) {
            proven = try ProvenRequest(csrDER: request)
        } catch {
            throw .issuance(error)
        }
        let registration = try await registration(of: subject, on: node.id)
        let lifetime = registration.lifetime ?? settings.workloadLifetime
        let number = try await number(of: registration, for: lifetime)
        let svid = try await sign(proven, registration, number, lifetime, on: node.id)
        try await certificates.record(svid, to: node.member, entry: registration.entry, pod: subject.pod)
        observe(
            .workloadIssued(
                IssuedCertificate(
                    id: svid.id, identity: number, serial: svid.leaf.serialHex, notAfter: svid.notAfter,
                    node: node.id, subject: subject)))
        return (svid, registration)
    }

    /// Nothing that is revoked.
    func registration(
        of subject: WorkloadSubject, on node: SPIFFEID
    ) async throws(CallRefusal) -> WorkloadRegistration {
        do throws(CallRefusal) {
            return try await registrationAsKnown(of: subject, on: node)
        } catch {
            // Another authority may have been told of it only just now.
            guard try await isBehind() else { throw error }
            return try await registrationAsKnown(of: subject, on: node)
        }
    }

    private func registrationAsKnown(
        of subject: WorkloadSubject, on node: SPIFFEID
    ) async throws(CallRefusal) -> WorkloadRegistration {
        let registration =
            switch subject {
            case .pod(let pod): try await registration(of: pod, on: node)
            case .entry(let id): WorkloadRegistration(try await entry(id, on: node))
            }
        let isRevoked: Bool
        do throws(RegistryError) {
            isRevoked = try await registry.isRevoked(registration.spiffeID, entry: registration.entry)
        } catch {
            throw .registry(error)
        }
        guard !isRevoked else { throw .revoked(registration.spiffeID) }
        return registration
    }

    private func entry(_ id: String, on node: SPIFFEID) async throws(CallRefusal) -> RegistrationEntry {
        let entry: RegistrationEntry?
        do throws(RegistryError) {
            entry = try await registry.entry(id: id, on: node)
        } catch {
            throw .registry(error)
        }
        guard let entry else { throw .noSuchEntry(id) }
        return entry
    }

    /// The entry that decides, else the template where it may.
    private func registration(of pod: PodFacts, on node: SPIFFEID) async throws(CallRefusal) -> WorkloadRegistration {
        let entry: RegistrationEntry?
        do throws(RegistryError) {
            entry = try await registry.entry(for: pod, on: node)
        } catch {
            throw .registry(error)
        }
        if let entry { return WorkloadRegistration(entry) }
        guard settings.autoRegistration.covers(node) else { throw .notRegistered(pod) }
        do throws(SPIFFEIDError) {
            return try WorkloadRegistration(
                pod, template: settings.autoRegistration.template, in: settings.trustDomain)
        } catch {
            throw .issuance(.badName(error))
        }
    }

    private func number(
        of registration: WorkloadRegistration, for lifetime: Duration
    ) async throws(CallRefusal) -> NumericIdentity {
        let now = now()
        let allotment: Registry.Allotment
        do throws(RegistryError) {
            allotment = try await registry.number(
                for: registration.spiffeID, labels: registration.labels,
                until: now + lifetime.components.seconds, now: now)
        } catch {
            throw .registry(error)
        }
        if allotment.changesDirectory { await publisher.changed() }
        return allotment.number
    }

    private func sign(
        _ request: ProvenRequest, _ registration: WorkloadRegistration, _ number: NumericIdentity,
        _ lifetime: Duration, on node: SPIFFEID
    ) async throws(CallRefusal) -> X509SVID {
        do throws(IssuanceError) {
            let plan = try IssuancePlan.workload(
                id: registration.spiffeID, binding: try .of(number, on: node), lifetime: lifetime,
                dnsNames: registration.dnsNames)
            return try await authorities.signer.sign(request, plan: plan, now: now())
        } catch {
            throw .issuance(error)
        }
    }
}

extension PodshieldBinding {
    fileprivate static func of(_ number: NumericIdentity, on node: SPIFFEID) throws(IssuanceError) -> PodshieldBinding {
        do throws(PodshieldBindingError) {
            return try PodshieldBinding(node: node, identity: number)
        } catch {
            throw .rejected(.malformedBinding(error))
        }
    }
}
