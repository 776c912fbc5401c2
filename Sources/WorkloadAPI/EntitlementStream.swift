internal import GRPCCore

/// What one caller may have, or a part of it, at once and whenever it has become another; ends when it may have nothing.
struct EntitlementStream: Sendable {
    let attestor: Attestor
    let caller: Caller

    /// Returns when the caller has gone away; throws the status that tells it why there is no more.
    func run<Part: Equatable & Sendable>(
        _ context: ServerContext, _ part: @escaping @Sendable (Entitlement) -> Part,
        _ send: @escaping @Sendable (Part) async throws -> Void
    ) async throws {
        // Cancelling a call does not cancel its task.
        let work = Task { try await follow(part, send) }
        try await withRPCCancellationHandler {
            try await work.value
        } onCancelRPC: {
            work.cancel()
        }
    }

    private func follow<Part: Equatable>(
        _ part: (Entitlement) -> Part, _ send: (Part) async throws -> Void
    ) async throws {
        var sent: Part?
        for await _ in attestor.identities.changes() {
            let new = part(try await current())
            guard new != sent else { continue }
            try await send(new)
            sent = new
        }
    }

    private func current() async throws -> Entitlement {
        do throws(Denial) { return try await attestor.entitlement(of: caller) } catch { throw error.status }
    }
}
