import Synchronization

/// What is true of the daemon as a whole, for `psid status`.
final class DaemonState: Sendable {
    struct Values: Sendable {
        /// Seconds since 1970.
        let startedAt: Int64
        var isReady = false
        /// Why the last reload was refused; nil when the configuration in use is that of the file.
        var reloadProblem: String?
        /// Why private keys may be swapped out; nil when they may not.
        var memoryProblem: String?
        /// Somebody took the datapath out while the daemon runs.
        var isUninstalled = false
        /// Changes with a reload.
        var isPermissive = false
    }

    private let values: Mutex<Values>

    init(startedAt: Int64) { values = Mutex(Values(startedAt: startedAt)) }

    var current: Values { values.withLock { $0 } }

    func change(_ body: (inout Values) -> Void) { values.withLock { body(&$0) } }
}
