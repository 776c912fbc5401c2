// Builds without tests compile this module, too, but have no tests' library.
#if canImport(Testing)
    import Dispatch
    public import Testing

    /// Runs tests that wait for programs without leaving their thread on a thread of their own. The pool, which has as many
    /// threads as there are processors, stays to those tests whose peers would be told that their time is over.
    public struct BlockingTests: SuiteTrait, TestTrait, TestScoping {
        public let isRecursive = true

        public func provideScope(
            for test: Test, testCase: Test.Case?, performing body: @Sendable () async throws -> Void
        ) async throws {
            try await withTaskExecutorPreference(Executor(), operation: body)
        }

        private final class Executor: TaskExecutor {
            private let queue = DispatchQueue(label: "blocking test")

            func enqueue(_ job: consuming ExecutorJob) {
                let job = UnownedJob(job)
                queue.async { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
            }
        }
    }

    extension Trait where Self == BlockingTests {
        /// The test waits for programs, or sleeps, without giving up its thread.
        public static var blocking: Self { Self() }
    }
#endif
