internal import GRPCCore
internal import Synchronization

/// The callers that are connected, by the number of their connection.
final class Connections: Sendable {
    fileprivate struct Connected {
        let caller: Caller
        /// When it came.
        let source: Caller.Source
        let close: @Sendable () -> Void
    }

    fileprivate struct State {
        var places: Places
        var connected: [UInt64: Connected] = [:]
        /// Of whom it was told that they have too many.
        var told: Set<Caller.Source> = []
        /// Whether it was told that all places are taken.
        var isToldFull = false
    }

    private let state: Mutex<State>
    private let limits: WorkloadAPILimits
    private let refused: @Sendable (Caller.Source) -> Void

    /// - Parameter refused: is told who has too many, once until some have ended: its own allowance, or most of all when all places
    ///   are taken.
    init(_ limits: WorkloadAPILimits, refused: @escaping @Sendable (Caller.Source) -> Void) {
        state = Mutex(State(places: Places(limits)))
        self.limits = limits
        self.refused = refused
    }

    var count: Int { state.withLock { $0.connected.count } }
    /// Of connections and their calls.
    var placesTaken: Int { state.withLock { $0.places.taken } }

    /// - Parameter close: ends the connection, when another is to have its place; from any thread.
    /// - Returns: its number; nil when there is no place for it.
    func admit(_ caller: Caller, close: @escaping @Sendable () -> Void) -> UInt64? {
        let source = caller.source
        let (number, answer) = state.withLock { state in
            let (number, answer) = state.places.connect(source)
            if case .taken = answer {
                state.connected[number] = Connected(caller: caller, source: source, close: close)
            }
            return (number, answer)
        }
        guard settle(answer, for: source) else { return nil }
        caller.onFirstIdentity { [weak self] in self?.state.withLock { $0.places.know(number) } }
        return number
    }

    func remove(_ number: UInt64) {
        state.withLock { state in
            state.places.disconnect(number)
            if let source = state.connected.removeValue(forKey: number)?.source { state.calm(source) }
            if state.places.taken <= limits.places / 2 { state.isToldFull = false }
        }
    }

    /// False when there is no place for another call.
    func beginCall(_ number: UInt64) -> Bool {
        let called = state.withLock { state in
            state.connected[number].map { (state.places.call(number), $0.source) }
        }
        return called.map { settle($0, for: $1) } ?? false
    }

    func endCall(_ number: UInt64) { state.withLock { $0.places.endCall(number) } }

    func caller(_ number: UInt64) -> Caller? { state.withLock { $0.connected[number]?.caller } }

    /// Who makes a call.
    func caller(of metadata: Metadata) throws -> Caller {
        guard let number = ConnectionStamp.number(of: metadata), let caller = caller(number) else {
            throw Denial.gone.status
        }
        return caller
    }

    /// Closes who has to go, and tells of who has too many. Returns whether who asked has a place.
    private func settle(_ answer: Places.Answer, for source: Caller.Source) -> Bool {
        let isTaken: Bool
        let displaced: UInt64?
        switch answer {
        case .taken(let who): (isTaken, displaced) = (true, who)
        case .refused(let who): (isTaken, displaced) = (false, who)
        }
        let (close, greedy) = state.withLock { state in
            let displaced = displaced.flatMap { state.connected.removeValue(forKey: $0) }
            if let displaced { state.calm(displaced.source) }
            return (displaced?.close, state.news(of: answer, for: source))
        }
        close?()
        if let greedy { refused(greedy) }
        return isTaken
    }
}

extension Connections.State {
    /// Once it has few enough, it is told of anew.
    fileprivate mutating func calm(_ source: Caller.Source) {
        if places.isCalm(source) { told.remove(source) }
    }

    /// Whom to tell of; nil where nothing is new.
    fileprivate mutating func news(of answer: Places.Answer, for source: Caller.Source) -> Caller.Source? {
        switch answer {
        case .taken(displaced: nil): return nil
        case .refused(displaced: nil) where places.isAtItsLimit(source):
            return told.insert(source).inserted ? source : nil
        default:
            defer { isToldFull = true }
            return isToldFull ? nil : places.greediest
        }
    }
}
