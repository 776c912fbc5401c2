internal import Identity
internal import KeyAgreement

/// Callers that wait for something to become so.
struct Waiters {
    struct Hosting {
        let id: UInt64
        let revision: UInt64
        let continuation: CheckedContinuation<Void, Never>
    }

    struct Rekey {
        let id: UInt64
        let node: NodeNumber
        let continuation: CheckedContinuation<Result<EpochID, LinkFailure>, Never>
    }

    var bound: [CheckedContinuation<Result<UInt16, NodeLinkError>, Never>] = []
    var stopped: [CheckedContinuation<Void, Never>] = []
    private(set) var hosting: [Hosting] = []
    private(set) var rekeys: [Rekey] = []
    private var lastID: UInt64 = 0

    mutating func nextID() -> UInt64 {
        lastID += 1
        return lastID
    }

    mutating func add(_ waiter: Hosting) { hosting.append(waiter) }
    mutating func add(_ waiter: Rekey) { rekeys.append(waiter) }

    mutating func resumeHosting(where isDone: (Hosting) -> Bool) {
        for waiter in hosting where isDone(waiter) { waiter.continuation.resume() }
        hosting.removeAll(where: isDone)
    }

    mutating func resumeRekeys(_ result: Result<EpochID, LinkFailure>, where isDone: (Rekey) -> Bool) {
        for waiter in rekeys where isDone(waiter) { waiter.continuation.resume(returning: result) }
        rekeys.removeAll(where: isDone)
    }

    mutating func resumeBound(_ result: Result<UInt16, NodeLinkError>) {
        for continuation in bound { continuation.resume(returning: result) }
        bound = []
    }

    mutating func resumeStopped() {
        for continuation in stopped { continuation.resume() }
        stopped = []
    }

    /// Nothing more will happen.
    mutating func end() {
        resumeHosting { _ in true }
        resumeRekeys(.failure(.stopped)) { _ in true }
    }
}
