internal import Identity
internal import Synchronization

/// The connections that nodes hold: so many each, so many in all.
final class NodeConnections: Sendable {
    private struct Held {
        var counts: [SPIFFEID: Int] = [:]
        var all = 0
    }

    private let held = Mutex(Held())
    private let limits: AuthorityLimits

    init(_ limits: AuthorityLimits) { self.limits = limits }

    /// Counts one more, until `leave`.
    func enter(_ node: SPIFFEID) throws(ConnectionRefusal) {
        try held.withLock { held throws(ConnectionRefusal) in
            let count = held.counts[node, default: 0]
            guard count < limits.connectionsPerNode else { throw .nodeHolds(count) }
            guard held.all < limits.nodeConnections else { throw .nodesHold(held.all) }
            held.counts[node] = count + 1
            held.all += 1
        }
    }

    func leave(_ node: SPIFFEID) {
        held.withLock { held in
            let count = held.counts[node, default: 1] - 1
            held.counts[node] = count > 0 ? count : nil
            held.all -= 1
        }
    }
}

/// Why a node that has shown its certificate is not served on a connection.
public enum ConnectionRefusal: Error, Equatable, CustomStringConvertible {
    /// The node itself.
    case nodeHolds(Int)
    /// All nodes together.
    case nodesHold(Int)

    public var description: String {
        switch self {
        case .nodeHolds(let count): "it has \(count) connections already"
        case .nodesHold(let count): "all together have \(count) connections already"
        }
    }
}
