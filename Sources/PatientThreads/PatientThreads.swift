internal import NIOPosix

/// Threads of their own for what waits, for a disk, a device or another machine, or computes for long: only what is asked of the same
/// ones waits behind it.
public final class PatientThreads: Sendable {
    private let pool: NIOThreadPool

    /// - Parameter count: of what goes on at a time.
    public init(_ count: Int) {
        pool = NIOThreadPool(numberOfThreads: count)
        pool.start()
    }

    /// Its threads hold the pool, and would wait for work for ever.
    deinit { pool.shutdownGracefully { _ in } }

    /// What `body` answers on one of them; nil if the task was cancelled before its turn came.
    public func result<Value: Sendable, Failure: Error>(
        of body: @escaping @Sendable () throws(Failure) -> Value
    ) async -> Result<Value, Failure>? {
        try? await pool.runIfActive { Result { () throws(Failure) in try body() } }
    }
}
