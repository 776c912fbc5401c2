import Foundation

/// Runs what waits on a thread of its own: when what it waits for needs the tasks' threads, these must not wait, too.
public func outside<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
    }
}
