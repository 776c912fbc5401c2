internal import Dispatch
internal import Issuance
internal import Synchronization

/// Lets a thread wait for what a task finds out, for so long and no longer.
enum Inquiry {
    static func answer<Value: Sendable>(
        within limit: Duration, _ body: @escaping @Sendable () async throws(UpstreamError) -> Value
    ) throws(UpstreamError) -> Value {
        let answer = Answer<Value>()
        // What it waits for has limits of its own.
        Task.detached {
            do throws(UpstreamError) { answer.put(.success(try await body())) } catch { answer.put(.failure(error)) }
        }
        guard let result = answer.take(within: limit) else {
            throw UpstreamError("the server has not answered within \(limit)")
        }
        return try result.get()
    }
}

private final class Answer<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, UpstreamError>?>(nil)
    private let isThere = DispatchSemaphore(value: 0)

    func put(_ new: Result<Value, UpstreamError>) {
        result.withLock { $0 = new }
        isThere.signal()
    }

    func take(within limit: Duration) -> Result<Value, UpstreamError>? {
        _ = isThere.wait(timeout: .now() + .seconds(Int(limit.components.seconds)))
        return result.withLock { $0 }
    }
}
