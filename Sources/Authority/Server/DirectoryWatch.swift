internal import AuthorityAPI
internal import GRPCCore
internal import Identity
internal import RateLimiting

/// One node's directory stream: the newest edition, and each newer one. It ends with the caller's SVID, so that a node has
/// to come back as what it is then, and when the caller is no longer in the directory.
struct DirectoryWatch: Sendable {
    let core: AuthorityCore
    let caller: Caller
    /// Whether the node has others to go to.
    let leavesCutOff: Bool

    func run(_ writer: RPCWriter<Podshield_Authority_V1_SignedDirectory>) async throws {
        // Of a node that was with another authority nothing is to be older than what it had there. Without the others it is told what
        // is known here.
        if (try? await core.registry.catchUp()) == true { await core.publisher.changed() }
        let (id, signals) = await core.publisher.watch()
        let expiry = Task { [core, caller] in
            try await Task.sleep(for: .seconds(max(caller.notAfter - core.now(), 0)))
            await core.publisher.unwatch(id)
        }
        defer { expiry.cancel() }
        do {
            try await send(signals, writer)
        } catch {
            await core.publisher.unwatch(id)
            throw error
        }
        await core.publisher.unwatch(id)
    }

    private func send(
        _ signals: AsyncStream<Void>, _ writer: RPCWriter<Podshield_Authority_V1_SignedDirectory>
    ) async throws {
        var sent: UInt64 = 0
        var pace = TokenBucket(core.settings.limits.editions, at: .now)
        for await _ in signals {
            if leavesCutOff, core.registry.isCutOff { throw CallRefusal.cutOff.status }
            let edition = try await edition()
            do throws(CallRefusal) { try await checkThatItIsWelcome(in: edition.directory) } catch {
                // What its workloads trust is not to end with its own SVID's CA: it hears that this one is gone before it goes.
                if case .issuedElsewhere = error, sent > 0 { try await writer.write(edition.message) }
                throw error.status
            }
            guard edition.directory.revision > sent else { continue }
            try await writer.write(edition.message)
            sent = edition.directory.revision
            // What changes in the pause comes as one: no node's reports make the authority send all the time.
            try await pace.takeNext()
        }
    }

    private func checkThatItIsWelcome(in directory: Directory) async throws(CallRefusal) {
        _ = try await core.node(of: caller)
        guard directory.node(caller.id) != nil else { throw .unknownNode(caller.id) }
    }

    private func edition() async throws -> DirectoryPublisher.Edition {
        do {
            return try await core.publisher.current()
        } catch {
            let refusal = CallRefusal.internalFailure("the directory cannot be made: \(error)")
            core.observe(.callRefused(caller: caller.id, refusal))
            throw refusal.status
        }
    }
}
