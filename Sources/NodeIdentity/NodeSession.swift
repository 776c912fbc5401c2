internal import Addressing
internal import AuthorityAPI
internal import GRPCCore
internal import Identity
internal import JOSE
internal import SecureTransport

/// A change is to something else than what was told before.
private struct MissedEntries: Error {}

/// Why a session with the authority is over.
enum SessionEnd: Error {
    /// The node has a new SVID, or its first, which only a new connection shows.
    case renewed
    case lost(AuthorityCallError, wasConnected: Bool)
}

extension NodeIdentityService {
    /// One connection, from opening to end.
    func session() async throws(SessionEnd) {
        let changes = credentialsChanged.stream()
        let shown = currentSVID?.svid
        guard shown != nil, let address = authorityAddress else {
            await waitForIdentity(changes)
            throw .renewed
        }
        let connection = try await open(address)
        await slot.fill(connection)
        answered()
        observe(.connected(to: address))
        // Not waited for: one that this connection takes down with it goes on with the next.
        if leases != nil { startReport() }
        let leaves = leavesCutOff
        hasHeard = false
        let end = await withTaskGroup(of: SessionEnd?.self) { group in
            group.addTask { await Self.carry(connection) }
            group.addTask { await self.follow(connection, address, leaves) }
            if hasOthers, !leaves { group.addTask { await self.waitForBetterTimes() } }
            group.addTask { await self.followEntries(connection) }
            group.addTask { await Self.waitForRenewal(changes) }
            defer { group.cancelAll() }
            for await case let end? in group { return end }
            return SessionEnd.renewed
        }
        // Not if it has joined again meanwhile: it is told who it was.
        if case .lost(let failure, _) = end, let exclusion = Exclusion(failure, hasOpenJoin: files.hasOpenJoin),
            currentSVID?.svid == shown
        {
            shutOut(exclusion)
        }
        throw end
    }

    /// Whose turn it is.
    private var authorityAddress: String? {
        let addresses = settings.authorityAddresses
        return addresses.isEmpty ? membership?.authorityAddress : addresses[authorityTurn % addresses.count]
    }

    private func open(_ address: String) async throws(SessionEnd) -> AuthorityConnection {
        do throws(ConnectionFailure) {
            return try await AuthorityConnection.open(
                AuthorityAddress(address), identity: transportIdentity, expecting: .authority(exactly: nil))
        } catch {
            throw .lost(.unreachable("\(error)"), wasConnected: false)
        }
    }

    private static func carry(_ connection: AuthorityConnection) async -> SessionEnd {
        do throws(ConnectionFailure) {
            try await connection.run()
            return .lost(.unreachable("the authority closed the connection"), wasConnected: true)
        } catch {
            return .lost(.unreachable("\(error)"), wasConnected: true)
        }
    }

    /// Of calls whose answers may be large.
    private static var watching: CallOptions {
        var options = CallOptions.defaults
        options.maxResponseMessageBytes = AuthorityWire.largestResponse
        // The transport limits what it receives by the one for requests.
        options.maxRequestMessageBytes = AuthorityWire.largestResponse
        return options
    }

    /// Follows the directory for as long as the stream lasts. One that is refused ends the session: this authority's word is
    /// not good now, and another try may find another authority, or the same one repaired.
    private func follow(
        _ connection: AuthorityConnection, _ address: String, _ leavesCutOff: Bool
    ) async -> SessionEnd {
        do {
            var request = Podshield_Authority_V1_WatchDirectoryRequest()
            request.leavesCutOff = leavesCutOff
            try await connection.calls.watchDirectory(request, options: Self.watching) { response in
                for try await message in response.messages {
                    try await self.accept(message)
                    await self.heard(isConnected: leavesCutOff)
                }
            }
            return end(.unreachable("the authority ended the directory stream"))
        } catch let error as DirectoryRejection {
            observe(.directoryRefused(error))
            return .lost(.badAnswer("\(error)"), wasConnected: false)
        } catch {
            let failure = AuthorityCallError(error)
            guard case .cutOff = failure else { return end(failure) }
            // All its nodes are told at the same moment; who has only just come is not among those.
            if hasHeard { try? await clock.sleep(Schedule.replacement(chance: clock.random())) }
            cutOff.insert(address)
            return .lost(failure, wasConnected: false)
        }
    }

    // MARK: Authorities that are cut off from the others

    private var hasOthers: Bool { settings.authorityAddresses.count > 1 }

    private var allAreCutOff: Bool { settings.authorityAddresses.allSatisfy(cutOff.contains) }

    /// Whether one that is cut off is left for another: not once all have been found so, for what one knows is better than nothing.
    /// But that this node is shut out is for no such one to take back.
    private var leavesCutOff: Bool { hasOthers && (!allAreCutOff || exclusion != nil) }

    /// The authority has sent a directory.
    ///
    /// - Parameter isConnected: and would not have if it were cut off.
    private func heard(isConnected: Bool) {
        hasHeard = true
        if isConnected { cutOff = [] }
    }

    /// Whether another is tried without a pause.
    func hasAnotherToAsk(after failure: AuthorityCallError) -> Bool {
        if case .cutOff = failure { !allAreCutOff } else { false }
    }

    /// With one that may be cut off, as all were: looks around again after a minute or so.
    private func waitForBetterTimes() async -> SessionEnd? {
        do { try await clock.sleep(Schedule.lookAround(chance: clock.random())) } catch { return nil }
        cutOff = []
        return .lost(.cutOff("every authority was cut off from the others"), wasConnected: false)
    }

    /// Who is not let in has no reason to be back at once; and an authority that says no before it has said anything is left like one that is
    /// not reached.
    private func end(_ failure: AuthorityCallError) -> SessionEnd {
        .lost(failure, wasConnected: hasHeard && Exclusion(failure, hasOpenJoin: files.hasOpenJoin) == nil)
    }

    /// Follows the entries for this node for as long as the stream lasts. Nil from an authority of the version before, which
    /// has none for processes: the session goes on without.
    private func followEntries(_ connection: AuthorityConnection) async -> SessionEnd? {
        do {
            var request = Podshield_Authority_V1_WatchEntriesRequest()
            request.takesChanges = true
            try await connection.calls.watchEntries(request, options: Self.watching) { response in
                var number: UInt64 = 0
                for try await message in response.messages {
                    let news = message.parsed(in: self.settings.trustDomain)
                    guard news.since == nil || news.since == number else { throw MissedEntries() }
                    number = news.number
                    await self.accept(news)
                }
            }
            return .lost(.unreachable("the authority ended the stream of entries"), wasConnected: true)
        } catch let error as RPCError where error.code == .unimplemented {
            accept(EntryNews(entries: [], number: 0))
            return nil
        } catch is MissedEntries {
            // The next stream begins with all of them.
            return .lost(.badAnswer("a change of entries is missing"), wasConnected: true)
        } catch {
            return end(AuthorityCallError(error))
        }
    }

    private static func waitForRenewal(_ changes: AsyncStream<Void>) async -> SessionEnd {
        for await _ in changes { break }
        return .renewed
    }

    // MARK: Directory

    /// Takes a directory over, if it is the authority's and not older than what is held.
    func accept(_ message: Podshield_Authority_V1_SignedDirectory) throws(DirectoryRejection) {
        let verifier = SVIDVerifier(bundle: credentials.bundle)
        let edition = try message.verified(by: verifier, at: clock.now())
        let (new, bundle) = (edition.directory, edition.bundle)
        answered()
        let held = directory?.revision ?? 0
        guard new.revision >= held else { throw .rolledBack(from: held, to: new.revision) }
        letIn()
        guard new.revision > held else { return }
        // Before the bundle: the one that is held knows the signer, the new one need not for long.
        save { () throws(NodeStateError) in try files.save(message) }
        take(bundle)
        take(edition.jwtBundle)
        take(edition.foreignBundles)
        directory = new
        directoryBroadcast.send(new)
        observe(.directoryAccepted(revision: new.revision))
    }

    private func take(_ bundle: TrustBundle) {
        let former = credentials.bundle
        guard bundle.sequence > former.sequence else { return }
        credentials.replace(bundle: bundle)
        save { () throws(NodeStateError) in try files.save(bundle) }
        replaceRevoked()
        if bundle.authorities != former.authorities { dropUntrusted() }
        if bundle.tainted != former.tainted { replaceTainted() }
        identityChanges.send()
        if bundle.authorities != former.authorities { observe(.bundleChanged(bundle)) }
        if bundle.revocations != former.revocations { observe(.revocationsChanged(bundle)) }
    }

    private func take(_ jwtBundle: JWTBundle) {
        guard jwtBundle != credentials.jwtBundle else { return }
        credentials.replace(jwtBundle: jwtBundle)
        jwtCache.keepOnly(signedBy: jwtBundle)
        identityChanges.send()
    }

    private func take(_ foreignBundles: [BundleDocument]) {
        guard foreignBundles != credentials.foreignBundles else { return }
        credentials.replace(foreignBundles: foreignBundles)
        identityChanges.send()
    }

    func save(_ body: () throws(NodeStateError) -> Void) {
        do throws(NodeStateError) {
            try body()
        } catch {
            observe(.stateNotSaved(error))
        }
    }
}
