/// Lets only so many requests for workloads' SVIDs and tokens be under way at once. Thousands may be wanted at one moment, after a
/// start or where a CA is taken back; all at once they would only be in each other's way, and in that of the directory, until their
/// time is over. Who waits here has not begun, and costs next to nothing.
actor RequestQueue {
    enum Urgency: CaseIterable {
        /// Somebody waits who has no SVID that is good.
        case awaited
        /// Somebody waits for a token, and may want any number of them.
        case token
        /// The one that is held is good for a while.
        case renewal
    }

    /// Whose turn it is when all lines have somebody in them. A line that is empty leaves its turn to the first that is not; none is kept
    /// waiting by what goes on in another.
    private static let turns: [Urgency] = [.awaited, .token, .awaited, .renewal]

    private typealias Turn = CheckedContinuation<Result<Void, AuthorityCallError>, Never>

    private struct Waiter {
        let since: ContinuousClock.Instant
        let turn: Turn
    }

    private let width: Int
    private var underWay = 0
    private var waiting: [UInt64: Waiter] = [:]
    /// Who comes next; some may have left.
    private var lines: [Urgency: [UInt64]] = [:]
    private var lastNumber: UInt64 = 0
    private var turnsTaken = 0
    private var lastAnswer: ContinuousClock.Instant?

    init(width: Int) { self.width = width }

    var waitingCount: Int { waiting.count }

    /// Runs `request` when its turn has come. As long as the authority answers others, one waits; not longer than a request is tried once
    /// it does not.
    func run<Value: Sendable>(
        _ urgency: Urgency, _ request: @Sendable () async throws(AuthorityCallError) -> Value
    ) async throws(AuthorityCallError) -> Value {
        try await waitForTurn(urgency).get()
        defer { handOn() }
        let began = ContinuousClock.now
        do throws(AuthorityCallError) {
            let value = try await request()
            lastAnswer = .now
            return value
        } catch {
            if error.isAnswer {
                lastAnswer = .now
            } else if case .unreachable = error, !Task.isCancelled {
                giveUp(since: began, error)
            }
            throw error
        }
    }

    private func waitForTurn(_ urgency: Urgency) async -> Result<Void, AuthorityCallError> {
        guard underWay == width else {
            underWay += 1
            return .success(())
        }
        lastNumber += 1
        let number = lastNumber
        return await withTaskCancellationHandler {
            await withCheckedContinuation { turn in
                guard !Task.isCancelled else { return turn.resume(returning: .failure(.superseded)) }
                waiting[number] = Waiter(since: .now, turn: turn)
                lines[urgency, default: []].append(number)
            }
        } onCancel: {
            Task { await withdraw(number) }
        }
    }

    private func withdraw(_ number: UInt64) {
        waiting.removeValue(forKey: number)?.turn.resume(returning: .failure(.superseded))
    }

    private func handOn() {
        turnsTaken = (turnsTaken + 1) % Self.turns.count
        for urgency in [Self.turns[turnsTaken]] + Urgency.allCases {
            while let number = lines[urgency]?.first {
                lines[urgency]?.removeFirst()
                guard let next = waiting.removeValue(forKey: number) else { continue }
                return next.turn.resume(returning: .success(()))
            }
        }
        underWay -= 1
    }

    /// A request that began at `began` has not been answered in all its time: unless others were, those who have waited for as long
    /// would fare no better.
    private func giveUp(since began: ContinuousClock.Instant, _ error: AuthorityCallError) {
        if let lastAnswer, lastAnswer >= began { return }
        for (number, waiter) in waiting where waiter.since <= began {
            waiting[number] = nil
            waiter.turn.resume(returning: .failure(error))
        }
    }
}
