internal import GRPCCore

/// What one caller may know, at once and whenever it has become another; ends when it may know nothing.
struct ChangeStream<Part: Equatable & Sendable>: Sendable {
    let identities: any WorkloadIdentities
    let part: @Sendable () async throws(Denial) -> Part

    /// Returns when the caller has gone away; throws the status that tells it why there is no more.
    func run(_ context: ServerContext, _ send: @escaping @Sendable (Part) async throws -> Void) async throws {
        // Cancelling a call does not cancel its task.
        let work = Task { try await follow(send) }
        try await withRPCCancellationHandler {
            try await work.value
        } onCancelRPC: {
            work.cancel()
        }
    }

    private func follow(_ send: (Part) async throws -> Void) async throws {
        var sent: Part?
        for await _ in identities.changes() {
            let new = try await current()
            guard new != sent else { continue }
            try await send(new)
            sent = new
        }
    }

    private func current() async throws -> Part {
        do throws(Denial) { return try await part() } catch { throw error.status }
    }
}
