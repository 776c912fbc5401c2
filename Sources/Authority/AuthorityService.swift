internal import Addressing
public import Identity
internal import Issuance
public import JOSE
public import OpenSSLBinding
internal import PatientThreads
internal import PrintableText
internal import SecureTransport

/// The authority of a trust domain: holds the CA and the registry, decides who is issued what, and serves nodes.
///
/// What it offers in-process is for whoever may administer it; nodes reach it by `run`.
public final class AuthorityService: Sendable {
    public let settings: AuthoritySettings
    let authorities: Authorities
    let lifecycle: AuthorityLifecycle
    private let health: KeyHealth
    let trust: PublishedTrust
    let registry: Registry
    let certificates: CertificateLog
    let identity: ServerIdentity
    let publisher: DirectoryPublisher
    let entrySignals = EntrySignals()
    let jwtKeys: JWTKeys
    let upstreamTrust: UpstreamTrust
    let federation: FederationKeeper
    let server: AuthorityServer
    private let downstreamServer: AuthorityServer?
    let now: @Sendable () -> Int64
    let observe: @Sendable (AuthorityEvent) -> Void

    /// Opens the state directory, or makes it. One process at a time: the caller holds the instance's lock. Waits for a CA's
    /// key that is not in memory, and for an authority above that is asked.
    ///
    /// - Parameters:
    ///   - now: seconds since 1970.
    ///   - observe: is told what happens, from any thread; must not block.
    public init(
        _ settings: AuthoritySettings, now: @escaping @Sendable () -> Int64,
        observe: @escaping @Sendable (AuthorityEvent) -> Void
    ) throws(AuthorityError) {
        let files = AuthorityFiles(
            directory: settings.stateDirectory, keyStore: settings.keyStore, upstream: settings.upstream,
            issuersOfMachines: settings.issuersOfMachines, lifetime: settings.caLifetime,
            pathLength: settings.downstream == nil ? 0 : 1)
        try files.checkRoomBelow()
        let health = KeyHealth(observe: observe)
        let start = try AuthorityStart(settings, files, health: health, now: now, observe: observe)
        try files.checkIssuersOfMachines(
            start.authorities.all.flatMap(\.authority.chain) + (settings.upstream?.knownChain ?? []))
        let authorities = Authorities(start.authorities)
        do throws(IssuanceError) {
            identity = try ServerIdentity(
                authorities, name: settings.name, lifetime: settings.serverLifetime, now: now, observe: observe)
        } catch {
            throw .issuance(error)
        }
        let trust: PublishedTrust
        do throws(SVIDRejection) { trust = try PublishedTrust(authorities) } catch {
            throw .issuance(.notAnAuthority(error))
        }
        registry = start.registry
        self.health = health
        self.authorities = authorities
        self.settings = settings
        self.trust = trust
        certificates = CertificateLog(registry, now: now)
        self.now = now
        self.observe = observe
        let admission = AdmissionControl(settings.limits.admission)
        publisher = DirectoryPublisher(
            registry, trust: trust, identity: identity, now: now,
            published: { admission.know(Set($0.nodes.map(\.address))) }, observe: observe)
        lifecycle = AuthorityLifecycle(
            files: files, registry: registry, authorities: authorities, health: health, publisher: publisher,
            graceOfEnded: settings.limits.endedAuthority, now: now, observe: observe)
        federation = FederationKeeper(
            registry: registry, publisher: publisher, trust: trust, now: now, observe: observe)
        jwtKeys = JWTKeys(
            files: files.jwtKeys, registry: registry, publisher: publisher, lifetime: settings.jwtKeyLifetime,
            grace: JWTKeys.Grace(beside: settings.limits.endedAuthority, others: settings.limits.endedKey),
            takesKeysBelow: settings.downstream?.takesKeys ?? false, now: now, observe: observe)
        upstreamTrust = UpstreamTrust(
            settings.upstream, lifecycle: lifecycle, registry: registry, publisher: publisher, now: now,
            observe: observe)
        let core = AuthorityCore(
            settings: settings, authorities: authorities, trust: trust, registry: registry, certificates: certificates,
            publisher: publisher, entrySignals: entrySignals, jwtKeys: jwtKeys, now: now, observe: observe)
        server = try AuthorityServer(
            [AuthorityCalls(core)], at: .forNodes(core, identity, admission), observe: observe)
        if let downstream = settings.downstream {
            downstreamServer = try AuthorityServer(
                [DownstreamCalls(core, downstream), BundleCalls(core, downstream)],
                at: .forDownstream(core, downstream),
                observe: observe)
        } else {
            downstreamServer = nil
        }
    }

    /// The same on a thread that nothing else needs: a key that is elsewhere, or an authority above that is asked, may keep it
    /// waiting.
    public static func open(
        _ settings: AuthoritySettings, now: @escaping @Sendable () -> Int64,
        observe: @escaping @Sendable (AuthorityEvent) -> Void
    ) async throws(AuthorityError) -> AuthorityService {
        let opened = await PatientThreads.ofThoseAbove.result { () throws(AuthorityError) in
            try AuthorityService(settings, now: now, observe: observe)
        }
        guard let opened else { throw .serverFailed("told to stop before it was ready") }
        return try opened.get()
    }

    /// Where it would show that the authority does its work no more.
    public var actors: [any Actor] {
        [certificates, publisher, entrySignals, jwtKeys, lifecycle, federation, upstreamTrust]
    }

    /// SPIFFE ID of the server.
    public var id: SPIFFEID { identity.current.svid.id }

    public var bundle: TrustBundle { trust.bundle }

    /// Whom to trust, as nodes are told it now.
    public func publishedTrust() async throws -> (bundle: TrustBundle, jwtBundle: JWTBundle) {
        let edition = try await publisher.current()
        return (edition.bundle, edition.jwtBundle)
    }

    /// What the server shows that it is the authority.
    public var serverSVID: KeyedSVID { identity.current }

    /// Seconds since 1970 when the CA that signs ends.
    public var caNotAfter: Int64 { authorities.current.active.notAfter }

    /// SHA-256 of the root certificate that the server is under now, lower-case hexadecimal: what a joining node insists on.
    public var rootFingerprint: String { serverSVID.svid.anchor.fingerprint }

    /// Why the CA's key does not sign now; nil when it does.
    public var keyFailure: SigningError? { health.failure }

    // MARK: Serving

    /// Serves nodes until `stop` is called or the task is cancelled, which is the same. Afterwards the registry is closed.
    public func run() async throws(AuthorityError) {
        _ = try await jwtKeys.current()
        do throws(RelationshipError) { try await configureFederation() } catch { throw .federation(error) }
        do throws(RegistryError) { _ = try await registry.renewList(now: now()) } catch { throw .registry(error) }
        // Nodes are told from strangers, and revoked ones from others, from the first connection on.
        _ = try? await publisher.current()
        let upkeep = [
            Task { [jwtKeys] in await jwtKeys.stayFresh() }, Task { await keepKeyReady() },
            Task { await keepListFresh() }, Task { [lifecycle] in await lifecycle.keepSchedule() },
            Task { [federation] in await federation.keepFresh() }, Task { await followOthers() },
            Task { [upstreamTrust] in await upstreamTrust.keepFresh() },
        ]
        defer { for task in upkeep { task.cancel() } }
        // What its CA signs is nothing to nodes that have not heard of it from the others.
        try? await Task.sleep(for: .seconds(authorities.current.noticeLeft(at: now())))
        // Cancelling gRPC's own task would drop connections that are being accepted, which NIO does not forgive: however
        // serving ends, the listener closes first.
        let serving = Task { () async -> Result<Void, AuthorityError> in
            do throws(AuthorityError) { return .success(try await serve()) } catch { return .failure(error) }
        }
        let result = await withTaskCancellationHandler {
            await serving.value
        } onCancel: {
            Task { await stop() }
        }
        // It waits for reads that are under way, which need the threads that tasks run on; and it happens though this task is cancelled.
        await Task { [registry] in _ = await PatientThreads.ofTheLog.result { registry.close() } }.value
        try result.get()
    }

    /// Everybody, until one of the servers ends, and with it the other.
    private func serve() async throws(AuthorityError) {
        let other = Task { [server, downstreamServer] () async -> Result<Void, AuthorityError> in
            guard let downstreamServer else { return .success(()) }
            defer { server.stop() }
            do throws(AuthorityError) { return .success(try await downstreamServer.run()) } catch {
                return .failure(error)
            }
        }
        var failure: AuthorityError?
        do throws(AuthorityError) { try await server.run() } catch { failure = error }
        downstreamServer?.stop()
        try await other.value.get()
        if let failure { throw failure }
    }

    /// Notices while nobody asks when a key that is elsewhere is away, until the task is cancelled.
    private func keepKeyReady() async {
        while !Task.isCancelled {
            await authorities.signer.look()
            try? await Task.sleep(for: .seconds(10))
        }
    }

    /// The port it listens on, once it does; nil when it could not.
    public var port: UInt16? {
        get async { await server.port }
    }

    /// The port at which CAs are signed for others, once it listens; nil when it could not.
    public var downstreamPort: UInt16? {
        get async { await downstreamServer?.port }
    }

    /// Ends `run` after calls under way; nodes' streams end at once.
    public func stop() async {
        await publisher.close()
        await entrySignals.close()
        server.stop()
        downstreamServer?.stop()
    }

    // MARK: Nodes

    /// A token with which one node may join, once. One made for a node that joined before lets it join again under its number.
    public func generateToken(_ terms: InvitationTerms) async throws(InvitationError) -> Invitation {
        let token: JoinToken
        do throws(OpenSSLError) {
            token = try .generate()
        } catch {
            throw .openSSL(error)
        }
        let expiresAt = now() + terms.lifetime.components.seconds
        do throws(RegistryError) {
            try await registry.add(token, node: terms.node, expiresAt: expiresAt, now: now())
        } catch {
            throw .registry(error)
        }
        observe(.tokenGenerated(node: terms.node, expiresAt: expiresAt))
        return Invitation(
            token: token.text, authorityAddress: await address, rootFingerprint: rootFingerprint,
            expiresAt: expiresAt, node: terms.node)
    }

    /// Where nodes reach it, `host:port`. Waits until it listens if only then it is known.
    private var address: String {
        get async {
            if let advertised = settings.advertisedAddress { return advertised }
            let port = settings.listenPort == 0 ? await port ?? 0 : settings.listenPort
            let host = settings.listenAddress
            return host.isIPv4 ? "\(host):\(port)" : "[\(host)]:\(port)"
        }
    }

    /// All nodes that joined and were not evicted, and those that are banned, by number.
    public func nodes() async throws(RegistryError) -> [NodeRecord] { try await registry.nodes() }

    /// Shuts a node out until it is evicted: its calls are refused, its directory stream ends, the directory no longer has
    /// it nor its leases, what was issued to it is revoked, and no token lets it join. One that was evicted is kept from joining
    /// again. Nil when no node ever had the name.
    public func ban(node name: String) async throws(RegistryError) -> NodeRecord? {
        guard let node = try await registry.ban(node: name, now: now()) else { return nil }
        await jwtKeys.dropDownstreamKeys()
        await published()
        observe(.nodeBanned(node.id))
        return node
    }

    /// Forgets that a node has joined, and its ban: with a new token it may join again. Its SVID is refused here from now
    /// on. Returns what it was, nil when there is no such node.
    public func evict(node name: String) async throws(RegistryError) -> NodeRecord? {
        guard let node = try await registry.evict(node: name, now: now()) else { return nil }
        await jwtKeys.dropDownstreamKeys()
        await published()
        observe(.nodeEvicted(node.id))
        return node
    }

    /// How much of what it may hold it holds.
    public func extent() async throws(RegistryError) -> DirectoryExtent { try await registry.extent(now: now()) }

    /// What nodes are told.
    public func directory() async throws(RegistryError) -> Directory { try await registry.directory(now: now()) }
}
