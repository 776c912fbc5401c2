internal import GRPCCore
internal import Identity
internal import LinuxBinding

/// What one caller may know, at once and whenever it has become another; ends when it may know nothing.
struct ChangeStream<Part: Equatable & Sendable>: Sendable {
    let identities: any WorkloadIdentities
    let processes: ProcessWatch
    /// Whom it is for; nil for a pod.
    let process: PeerProcess?
    /// Whether its end is the stream's; else it is the connection's, and with that the stream's anyway.
    var endsWithProcess = false
    /// What a denial is told as.
    var told: @Sendable (Denial) -> any Error = { $0.status }
    let part: @Sendable (IdentityWatch) async throws(Denial) -> Part

    /// Returns when the caller has gone away; throws the status that tells it why there is no more.
    func run(_ context: ServerContext, _ send: @escaping @Sendable (Part) async throws -> Void) async throws {
        // Cancelling a call does not cancel its task.
        let work = Task { try await follow(send) }
        let watch = endsWithProcess ? process?.onExit { work.cancel() } : nil
        defer { withExtendedLifetime(watch) {} }
        let result = await withRPCCancellationHandler {
            await work.result
        } onCancelRPC: {
            work.cancel()
        }
        if endsWithProcess, let process, !process.isAlive { throw told(.gone) }
        try result.get()
    }

    private func follow(_ send: (Part) async throws -> Void) async throws {
        var sent: Part?
        let watch = identities.watch()
        let following = process.map { processes.follow($0, watch.ring) }
        defer { withExtendedLifetime(following) {} }
        for await _ in watch.changes {
            let new = try await current(watch)
            guard new != sent else { continue }
            try await send(new)
            sent = new
        }
    }

    private func current(_ watch: IdentityWatch) async throws -> Part {
        do throws(Denial) { return try await part(watch) } catch { throw told(error) }
    }
}
