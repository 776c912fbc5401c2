internal import Synchronization

/// Connections of one listener that are open.
package final class ConnectionCount: Sendable {
    private let count = Atomic<Int>(0)

    package init() {}

    /// Counts one more; how many there are with it.
    package func enter() -> Int { count.add(1, ordering: .relaxed).newValue }
    package func leave() { count.subtract(1, ordering: .relaxed) }
}
