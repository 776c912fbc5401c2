import Glibc
import Synchronization

extension NetworkNamespace {
    /// Runs `body` on a new thread, which then ends, and waits: what `body` does to its thread stays there.
    static func onNewThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
        let box = Box(body)
        var thread = pthread_t()
        let argument = unsafe Unmanaged.passRetained(box as AnyObject).toOpaque()
        let code = unsafe pthread_create(
            &thread, nil,
            { argument in
                let box = unsafe Unmanaged<AnyObject>.fromOpaque(argument!).takeRetainedValue()
                (box as? any Runnable)?.run()
                return nil
            }, argument)
        guard code == 0 else {
            unsafe Unmanaged<AnyObject>.fromOpaque(argument).release()
            throw SystemError(operation: "pthread_create", code: code)
        }
        pthread_join(thread, nil)
        return try box.result.withLock { $0 }!.get()
    }

    private protocol Runnable: AnyObject { func run() }

    private final class Box<Value: Sendable>: Runnable, Sendable {
        let body: @Sendable () throws -> Value
        let result = Mutex<Result<Value, any Error>?>(nil)

        init(_ body: @escaping @Sendable () throws -> Value) { self.body = body }

        func run() {
            let outcome = Result { try body() }
            result.withLock { $0 = outcome }
        }
    }
}
