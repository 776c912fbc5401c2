internal import Foundation
internal import Synchronization
internal import TrustedPlatform

/// Calls of a TPM, which block, on threads of their own: of those that others share, one that takes long would keep one from them.
///
/// None is waited for for ever. A thread that a TPM keeps cannot be ended, so that there is no second one before the first is done.
final class TPMCalls: Sendable {
    private let isBusy = Mutex(false)

    func make<Value: Sendable>(
        within patience: Duration, _ body: @escaping @Sendable () throws(TPMError) -> Value
    ) async throws(TPMError) -> Value {
        let isFree = isBusy.withLock { isBusy in
            defer { isBusy = true }
            return !isBusy
        }
        guard isFree else { throw Self.failure("it has not answered an earlier call yet") }
        let (answers, answered) = AsyncStream.makeStream(of: Result<Value, TPMError>.self)
        Thread.detachNewThread {
            let answer = Result { () throws(TPMError) in try body() }
            self.isBusy.withLock { $0 = false }
            answered.yield(answer)
        }
        let timer = Task {
            try await Task.sleep(for: patience)
            answered.yield(.failure(Self.failure("it has not answered within \(patience)")))
        }
        defer { timer.cancel() }
        guard let first = await answers.first(where: { _ in true }) else {
            throw Self.failure("nobody waits for it any more")
        }
        return try first.get()
    }

    private static func failure(_ reason: String) -> TPMError { TPMError(operation: "waiting for it", reason: reason) }
}
