internal import Addressing
internal import AuthorityAPI
internal import Foundation
public import Identity
internal import Issuance
public import JOSE
internal import OpenSSLBinding
public import SecureTransport

/// This node's side of the authority: its own SVID, those of its pods, the directory, and what it reports.
///
/// Everything held stays in use while the authority is away; what needs it waits, retries and comes back by itself.
public actor NodeIdentityService {
    public nonisolated let settings: NodeIdentitySettings
    nonisolated let clock: NodeClock
    nonisolated let observe: @Sendable (NodeIdentityEvent) -> Void

    let files: NodeStateFiles
    nonisolated let credentials: NodeCredentials
    let slot = ConnectionSlot()
    nonisolated let caller: AuthorityCaller
    /// Far fewer than an authority takes at once on one connection, and enough to keep it busy.
    nonisolated let workloadRequests = RequestQueue(width: 32)
    let tpmCalls = TPMCalls()
    /// Whether the node's TPM is known to have to answer. After a start the authority says so at the first renewal.
    var renewsByTPM = false
    /// Says that the node has another SVID than before.
    nonisolated let credentialsChanged = Broadcast<Void>(latestOnly: false)
    nonisolated let directoryBroadcast = Broadcast<Directory>(latestOnly: true)
    nonisolated let workloadBroadcast = Broadcast<IssuedWorkload>(latestOnly: false)
    nonisolated let identityChanges = IdentityChanges()

    private(set) var membership: NodeMembership?
    var directory: Directory?
    var workloads: [PodName: HeldWorkload] = [:]
    var nextIssue: UInt64 = 0
    /// The last call of `issue` for each pod that was not released since.
    var newestIssue: [PodName: UInt64] = [:]
    /// Nil until the authority has said.
    var entries: EntryIndex?
    var heldEntries: [String: HeldEntry] = [:]
    /// What an earlier run left of entries, until the authority has said which there are.
    var restoredEntries = EntryIndex()
    /// Requests for what takes the place of a revoked SVID.
    var replacements: [PodName: Task<Void, Never>] = [:]
    var jwtCache = JWTCache()
    var jwtRequests: [JWTCache.Subject: [JWTAudience: JWTRequest]] = [:]
    /// Nil until somebody has said: an empty report would take from the node what an earlier run was leased.
    var leases: Set<IPPrefix>?
    var reports = ReportQueue()
    /// Counts authorities that were tried in vain.
    var authorityTurn = 0
    /// Whether the authority of this session has sent a directory.
    var hasHeard = false
    /// Authorities that have said that they are cut off from the others, since one was found that is not.
    var cutOff: Set<String> = []
    var lastFailure: String?
    var renewalFailure: AuthorityCallError?
    var lastContact: Int64?
    /// Why the authority does not count this node among its own; nil while it does as far as is known.
    var exclusion: Exclusion?
    var joinsUnderWay = 0
    private var clockSkew: ClockSkew?

    /// Opens the state directory, or makes it, and takes up what an earlier run left there.
    ///
    /// `observe` is told what happens, from any thread; it must not block.
    public init(
        _ settings: NodeIdentitySettings, clock: NodeClock, observe: @escaping @Sendable (NodeIdentityEvent) -> Void
    ) throws(NodeStateError) {
        let files = NodeStateFiles(
            directory: settings.stateDirectory, trustDomain: settings.trustDomain, seal: settings.stateKey)
        try files.prepare()
        let loaded = try files.load(now: clock.now())
        for refusal in loaded?.refusals ?? [] {
            observe(.workloadNotRestored(path: refusal.path, reason: refusal.reason))
        }
        if let expiredAt = loaded?.expiredAt { observe(.identityExpired(notAfter: expiredAt)) }
        self.settings = settings
        self.clock = clock
        self.observe = observe
        self.files = files
        caller = AuthorityCaller(slot: slot, patience: settings.patience)
        credentials = NodeCredentials(
            svid: loaded?.svid, bundle: loaded?.bundle ?? .empty(settings.trustDomain),
            jwtBundle: loaded?.edition?.jwtBundle ?? .empty(settings.trustDomain),
            foreignBundles: loaded?.edition?.foreignBundles ?? [])
        membership = loaded?.membership
        directory = loaded?.edition?.directory
        for issued in loaded?.workloads ?? [] {
            workloads[issued.pod.podName] = HeldWorkload(issued: issued, issue: 0)
        }
        for saved in loaded?.entries ?? [] { heldEntries[saved.listed.entry.id] = HeldEntry(saved) }
        restoredEntries = EntryIndex(loaded?.entries.map(\.listed) ?? [])
        if let directory { directoryBroadcast.send(directory) }
    }

    // MARK: What is held

    /// How this node presents itself to others, and whom it trusts, at any moment.
    public nonisolated var transportIdentity: TransportIdentity {
        TransportIdentity(
            current: { [credentials] in credentials.svid }, bundle: { [credentials] in credentials.bundle },
            now: clock.now)
    }

    /// Nil when the node has not joined, or has to join again.
    public nonisolated var currentSVID: KeyedSVID? {
        guard let svid = credentials.svid, svid.svid.notAfter > clock.now() else { return nil }
        return svid
    }

    public nonisolated var bundle: TrustBundle { credentials.bundle }

    /// The keys behind the JWT-SVIDs of the trust domain; none before the first directory.
    public nonisolated var jwtBundle: JWTBundle { credentials.jwtBundle }

    /// Of other trust domains. Nothing here trusts anybody by them: they are handed on to workloads that may have them.
    public nonisolated var foreignBundles: [BundleDocument] { credentials.foreignBundles }

    public var currentDirectory: Directory? { directory }

    /// As the authority calls it; empty before it has joined.
    public var nodeName: String { membership?.name ?? "" }

    /// The newest directory, and each newer one; slow readers miss what is between.
    public nonisolated func directories() -> AsyncStream<Directory> { directoryBroadcast.stream() }

    /// Every SVID that is issued or renewed from now on.
    public nonisolated func issuedWorkloads() -> AsyncStream<IssuedWorkload> { workloadBroadcast.stream() }

    /// For those who serve pods and processes.
    public nonisolated func watch() -> IdentityWatch { identityChanges.watch() }

    public func status() async -> NodeIdentityStatus {
        NodeIdentityStatus(
            membership: membership, svid: currentSVID?.svid, isConnected: await slot.isConnected,
            lastFailure: lastFailure, renewalFailure: renewalFailure, lastContact: lastContact, exclusion: exclusion,
            clockSkew: clockSkew,
            directoryRevision: directory?.revision, workloads: workloads.count)
    }

    // MARK: Joining

    /// Joins; what was held of an earlier membership is replaced. A token is used up once the authority has answered.
    public func join(_ invitation: JoinInvitation) async throws(JoinError) {
        let join = NodeJoin(
            trustDomain: settings.trustDomain, endpoint: settings.endpoint, patience: settings.patience,
            tpmCalls: tpmCalls, now: clock.now)
        let asked = clock.now()
        let joined = try await attempt(join, invitation)
        do throws(NodeStateError) {
            try files.save(joined.membership, joined.bundle, joined.svid)
        } catch {
            throw .state(error)
        }
        directory = nil
        exclusion = nil
        renewalFailure = nil
        compareClocks(issued: joined.svid.svid.leaf, asked: asked)
        membership = joined.membership
        renewsByTPM = if case .tpm = invitation.credential { true } else { false }
        credentials.replace(svid: joined.svid, bundle: joined.bundle)
        credentialsChanged.send(())
        renewForeign()
        dropEntrySVIDs()
        jwtCache = JWTCache()
        observe(.joined(id: joined.svid.svid.id, number: NodeNumber(rawValue: joined.membership.number)))
    }

    /// That it was begun is on disk before the authority can know of it: whose answer is lost is told that another has joined in his name.
    private func attempt(_ join: NodeJoin, _ invitation: JoinInvitation) async throws(JoinError) -> NodeJoin.Joined {
        joinsUnderWay += 1
        defer { joinsUnderWay -= 1 }
        let wasOpen = files.hasOpenJoin
        do throws(NodeStateError) { try files.openJoin() } catch { throw .state(error) }
        do throws(JoinError) { return try await join.join(invitation) } catch {
            // By a refusal of this one nothing is known of another before.
            if !error.leavesOpen, !wasOpen { save { () throws(NodeStateError) in try files.closeJoin() } }
            throw error
        }
    }

    // MARK: Running

    /// Keeps a connection to the authority and all that is held fresh, until the task is cancelled.
    public func run() async {
        renewRestored()
        keepRestoredFresh()
        await withDiscardingTaskGroup { group in
            group.addTask { await self.stayConnected() }
            group.addTask { await self.stayRenewed() }
            group.addTask { await self.stayReported() }
        }
        await slot.empty()
    }

    private func stayConnected() async {
        var failures = 0
        while !Task.isCancelled {
            do throws(SessionEnd) {
                try await session()
            } catch {
                await slot.empty()
                guard !Task.isCancelled else { return }
                switch error {
                case .renewed: failures = 0
                case .lost(let failure, let wasConnected):
                    if !wasConnected { authorityTurn += 1 }
                    let reason = failure.reason
                    lastFailure = reason
                    observe(.disconnected(reason))
                    if hasAnotherToAsk(after: failure) { continue }
                    failures = wasConnected ? 1 : failures + 1
                }
            }
            if failures > 0 { try? await clock.sleep(Schedule.retry(failures: failures, chance: clock.random())) }
        }
    }

    /// A chain that the authority has issued just now. Good or not, it says what time it is there.
    ///
    /// - Parameter asked: when it was asked for, in seconds since 1970.
    func accept(_ chain: [Data], key: PrivateKey, asked: Int64) throws(AuthorityCallError) -> KeyedSVID {
        if let leaf = chain.first.flatMap({ try? Certificate(der: Array($0)) }) {
            compareClocks(issued: leaf, asked: asked)
        }
        return try KeyedSVID(answer: chain, key: key, bundle: bundle, now: clock.now())
    }

    private func compareClocks(issued: Certificate, asked: Int64) {
        let skew = ClockSkew(
            asked: asked, issued: issued.notBefore + X509SVID.backdating, answered: clock.now())
        let isNew = clockSkew?.isTooMuch != true
        clockSkew = skew
        if skew.isTooMuch, isNew { observe(.clockSkewed(seconds: skew.seconds)) }
    }

    func answered() {
        lastContact = clock.now()
        lastFailure = nil
    }
}
