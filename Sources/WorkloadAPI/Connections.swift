internal import GRPCCore
internal import Synchronization

/// How much the Workload API bears.
public struct WorkloadAPILimits: Sendable {
    /// Of one user on the host, or of one container.
    public var connectionsPerSource = 256
    public var connections = 8192
    public var streamsPerConnection = 16
    /// Bytes of a request.
    public var requestBytes = 1 << 16
    /// How long a connection may take until its first call.
    public var firstCall = Duration.seconds(30)
    /// How long one may be without a call afterwards.
    public var idle = Duration.seconds(300)
    /// How often it is looked whether lists of what was taken back are about to end.
    public var lookAtLists = Duration.seconds(60)

    public init() {}
}

/// The callers that are connected, by the number of their connection.
final class Connections: Sendable {
    enum Admission: Equatable {
        case admitted(UInt64)
        /// - Parameter isNews: whether nobody was told since this source was within its allowance.
        case refused(isNews: Bool)
    }

    private struct State {
        var callers: [UInt64: Caller] = [:]
        var counts: [Caller.Source: Int] = [:]
        var refused: Set<Caller.Source> = []
        var next: UInt64 = 1
    }

    private let state = Mutex(State())
    private let limits: WorkloadAPILimits

    init(_ limits: WorkloadAPILimits) { self.limits = limits }

    var count: Int { state.withLock { $0.callers.count } }

    func admit(_ caller: Caller) -> Admission {
        state.withLock { state in
            let count = state.counts[caller.source, default: 0]
            guard count < limits.connectionsPerSource, state.callers.count < limits.connections else {
                return .refused(isNews: state.refused.insert(caller.source).inserted)
            }
            let number = state.next
            state.next += 1
            state.callers[number] = caller
            state.counts[caller.source] = count + 1
            return .admitted(number)
        }
    }

    func remove(_ number: UInt64) {
        state.withLock { state in
            guard let source = state.callers.removeValue(forKey: number)?.source else { return }
            let count = state.counts[source, default: 1] - 1
            state.counts[source] = count > 0 ? count : nil
            state.refused.remove(source)
        }
    }

    func caller(_ number: UInt64) -> Caller? { state.withLock { $0.callers[number] } }

    /// Who makes a call.
    func caller(of metadata: Metadata) throws -> Caller {
        guard let number = ConnectionStamp.number(of: metadata), let caller = caller(number) else {
            throw Denial.gone.status
        }
        return caller
    }
}
