/// An actor whose steps are made one after another, though each waits for others in its midst.
protocol TurnTaking: Actor {
    /// Ends with the step that was asked for last.
    var last: Task<Void, Never>? { get set }
}

extension TurnTaking {
    /// One step after another; who asked for one may go away while it is made.
    func inTurn<Value: Sendable, Failure: Error>(
        _ body: @escaping @Sendable (isolated Self) async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        let previous = last
        let task = Task { () async -> Result<Value, Failure> in
            await previous?.value
            do throws(Failure) { return .success(try await body(self)) } catch { return .failure(error) }
        }
        last = Task { _ = await task.value }
        return try await task.value.get()
    }
}
