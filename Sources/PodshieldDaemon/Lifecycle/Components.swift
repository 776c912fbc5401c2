import Synchronization

/// The parts that run as long as the daemon does. One that ends before it is told to ends the daemon.
final class Components: Sendable {
    struct Ended: Sendable {
        let name: String
        let reason: String
    }

    /// Those that ended by themselves. For one reader.
    let ended: AsyncStream<Ended>
    private let report: AsyncStream<Ended>.Continuation
    private let tasks = Mutex<[Task<Void, Never>]>([])

    init() { (ended, report) = AsyncStream.makeStream(of: Ended.self) }

    /// - Parameter name: what the journal calls it.
    func start(_ name: String, _ body: @escaping @Sendable () async throws -> Void) {
        let task = Task {
            var reason = "without an error"
            do { try await body() } catch { reason = "\(error)" }
            if !Task.isCancelled { report.yield(Ended(name: name, reason: reason)) }
        }
        tasks.withLock { $0.append(task) }
    }

    /// Watches over a task that runs already.
    func adopt(_ name: String, _ task: Task<Void, any Error>) {
        start(name) {
            try await withTaskCancellationHandler {
                try await task.value
            } onCancel: {
                task.cancel()
            }
        }
    }

    /// Cancels all, the last first, and waits for each; no longer than `patience` in all.
    func stop(within patience: Duration) async {
        let (done, report) = AsyncStream.makeStream(of: Void.self)
        Task {
            await self.stop()
            report.yield()
        }
        Task {
            try? await Task.sleep(for: patience)
            report.yield()
        }
        for await _ in done { break }
    }

    private func stop() async {
        let stopping = tasks.withLock { tasks in
            defer { tasks = [] }
            return tasks
        }
        for task in stopping.reversed() {
            task.cancel()
            await task.value
        }
    }
}
