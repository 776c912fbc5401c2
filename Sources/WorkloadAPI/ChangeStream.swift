internal import GRPCCore
internal import Identity
internal import LinuxBinding

/// What one caller may know, at once and whenever it has become another; ends when it may know nothing.
struct ChangeStream<Part: Equatable & Sendable>: Sendable {
    let identities: any WorkloadIdentities
    /// What a denial is told as.
    var told: @Sendable (Denial) -> any Error = { $0.status }
    /// Whose end is the stream's.
    var process: PeerProcess?
    let part: @Sendable (IdentityWatch) async throws(Denial) -> Part

    /// Returns when the caller has gone away; throws the status that tells it why there is no more.
    func run(_ context: ServerContext, _ send: @escaping @Sendable (Part) async throws -> Void) async throws {
        // Cancelling a call does not cancel its task.
        let work = Task { try await follow(send) }
        let watch = process?.onExit { work.cancel() }
        defer { withExtendedLifetime(watch) {} }
        let result = await withRPCCancellationHandler {
            await work.result
        } onCancelRPC: {
            work.cancel()
        }
        if let process, !process.isAlive { throw told(.gone) }
        try result.get()
    }

    private func follow(_ send: (Part) async throws -> Void) async throws {
        var sent: Part?
        let watch = identities.watch()
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
