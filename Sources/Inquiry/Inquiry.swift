internal import Dispatch
internal import Synchronization

/// Lets a thread wait for what a task finds out. Not for threads that run tasks: those would wait for themselves.
public enum Inquiry {
    /// Waits until the task has ended, which has to have limits of its own.
    public static func answer<Value: Sendable, Failure: Error>(
        _ body: @escaping @Sendable () async throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try Answer(to: body).wait().get()
    }

    /// Waits for so long and no longer; the task goes on. Nil where it has not ended by then.
    public static func answer<Value: Sendable, Failure: Error>(
        within limit: Duration, _ body: @escaping @Sendable () async throws(Failure) -> Value
    ) throws(Failure) -> Value? {
        try Answer(to: body).wait(within: limit)?.get()
    }
}

private final class Answer<Value: Sendable, Failure: Error>: Sendable {
    private let result = Mutex<Result<Value, Failure>?>(nil)
    private let isThere = DispatchSemaphore(value: 0)

    init(to body: @escaping @Sendable () async throws(Failure) -> Value) {
        Task.detached {
            do throws(Failure) { self.put(.success(try await body())) } catch { self.put(.failure(error)) }
        }
    }

    private func put(_ new: Result<Value, Failure>) {
        result.withLock { $0 = new }
        isThere.signal()
    }

    func wait() -> Result<Value, Failure> {
        while true {
            isThere.wait()
            if let result = result.withLock({ $0 }) { return result }
        }
    }

    func wait(within limit: Duration) -> Result<Value, Failure>? {
        _ = isThere.wait(timeout: .now() + .seconds(Int(limit.components.seconds)))
        return result.withLock { $0 }
    }
}
