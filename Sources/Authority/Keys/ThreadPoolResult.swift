internal import NIOPosix

extension NIOThreadPool {
    /// What `body` answers on a thread that nothing else needs; nil if the task was cancelled before its turn came.
    func result<Value: Sendable, Failure: Error>(
        of body: @escaping @Sendable () throws(Failure) -> Value
    ) async -> Result<Value, Failure>? {
        try? await runIfActive { Result { () throws(Failure) in try body() } }
    }
}
