import Synchronization
import Testing

@testable import NodeIdentity

@Suite(.timeLimit(.minutes(1))) struct RequestQueueTests {
    /// Requests that are under way until they are let go, in the order of their beginning.
    private final class Requests: Sendable {
        private let begun = Mutex<[(name: String, end: CheckedContinuation<AuthorityCallError?, Never>)]>([])
        private let names = Mutex<[String]>([])

        var all: [String] { names.withLock { $0 } }
        var underWay: [String] { begun.withLock { $0.map(\.name) } }

        func run(_ name: String) async throws(AuthorityCallError) -> String {
            let failure = await withCheckedContinuation { end in
                names.withLock { $0.append(name) }
                begun.withLock { $0.append((name, end)) }
            }
            if let failure { throw failure }
            return name
        }

        func end(_ name: String, _ failure: AuthorityCallError? = nil) {
            let request = begun.withLock { begun in
                begun.firstIndex { $0.name == name }.map { begun.remove(at: $0) }
            }
            request?.end.resume(returning: failure)
        }
    }

    private typealias Outcome = Result<String, AuthorityCallError>

    private let queue = RequestQueue(width: 2)
    private let requests = Requests()

    /// Asks, and returns once the queue knows.
    private func ask(_ name: String, _ urgency: RequestQueue.Urgency = .awaited) async throws -> Task<Outcome, Never> {
        let (waiting, underWay) = (await queue.waitingCount, requests.underWay.count)
        let task = Task<Outcome, Never> { [queue, requests] in
            do throws(AuthorityCallError) {
                return .success(
                    try await queue.run(urgency) { () async throws(AuthorityCallError) in try await requests.run(name) }
                )
            } catch {
                return .failure(error)
            }
        }
        try await eventually("\(name) waits or is under way") {
            await queue.waitingCount > waiting || requests.underWay.count > underWay
        }
        return task
    }

    @Test func soManyAreUnderWayAndTheRestWaits() async throws {
        var tasks: [Task<Outcome, Never>] = []
        for name in ["a", "b", "c", "d"] { tasks.append(try await ask(name)) }
        #expect(requests.underWay == ["a", "b"])
        requests.end("b")
        try await eventually("the next begins") { requests.underWay == ["a", "c"] }
        for name in ["a", "c"] { requests.end(name) }
        try await eventually("the last begins") { requests.underWay == ["d"] }
        requests.end("d")
        for (task, name) in zip(tasks, ["a", "b", "c", "d"]) { #expect(await task.value == .success(name)) }
    }

    @Test func whoHasNoneGoesBeforeWhoHasOne() async throws {
        _ = [try await ask("a"), try await ask("b")]
        _ = [try await ask("renewed", .renewal), try await ask("first"), try await ask("second")]
        for name in ["a", "first", "second", "renewed", "b"] {
            try await eventually("\(name) is under way") { requests.underWay.contains(name) }
            requests.end(name)
        }
        #expect(requests.all == ["a", "b", "first", "second", "renewed"])
    }

    /// Whoever asks for tokens may ask for any number of them, with a node's SVIDs behind him.
    @Test func aFloodOfTokensHoldsNothingElseUp() async throws {
        _ = [try await ask("a"), try await ask("b")]
        for number in 0..<20 { _ = try await ask("token-\(number)", .token) }
        _ = [try await ask("renewed", .renewal), try await ask("first")]
        for turn in 0..<22 {
            let next = try #require(requests.underWay.first)
            requests.end(next)
            try await eventually("turn \(turn) is another's") { requests.all.count == turn + 3 }
        }
        let places = Dictionary(uniqueKeysWithValues: requests.all.enumerated().map { ($1, $0) })
        #expect(try #require(places["first"]) < 2 + 4 && #require(places["renewed"]) < 2 + 4)
        #expect(requests.all.count == 24)
        for name in requests.underWay { requests.end(name) }
    }

    /// Who goes away says nothing of the authority; nor does what fails here.
    @Test func whoIsCancelledWhileItIsUnderWayTakesNobodyWithHim() async throws {
        _ = [try await ask("a"), try await ask("b")]
        let (leaving, waiting) = (try await ask("leaving"), try await ask("waiting"))
        requests.end("a")
        try await eventually("its turn has come") { requests.underWay == ["b", "leaving"] }
        leaving.cancel()
        requests.end("leaving", .unreachable("cancelled"))
        #expect(await leaving.value == .failure(.unreachable("cancelled")))
        try await eventually("the next begins") { requests.underWay == ["b", "waiting"] }
        for name in ["b", "waiting"] { requests.end(name) }
        #expect(await waiting.value == .success("waiting"))
    }

    @Test func whoIsCancelledLeavesTheQueue() async throws {
        let held = [try await ask("a"), try await ask("b")]
        let (gone, next) = (try await ask("gone"), try await ask("next"))
        gone.cancel()
        #expect(await gone.value == .failure(.superseded))
        requests.end("a")
        try await eventually("the next begins") { requests.underWay == ["b", "next"] }
        for name in ["b", "next"] { requests.end(name) }
        #expect(await next.value == .success("next"))
        for task in held { _ = await task.value }
        #expect(requests.all == ["a", "b", "next"])
    }

    /// It was tried for as long as a request is; those who came before it was need not be tried to know.
    @Test func whereNobodyAnswersAllWhoHaveWaitedHearIt() async throws {
        _ = [try await ask("a"), try await ask("b")]
        let waiting = try await ask("c")
        requests.end("a", .unreachable("away"))
        // What began before this one came has failed, what it waited for meanwhile has not.
        try await eventually("its turn has come") { requests.underWay == ["b", "c"] }
        let (old, older) = (try await ask("d"), try await ask("e"))
        requests.end("c")
        #expect(await waiting.value == .success("c"))
        try await eventually("the next begins") { requests.underWay == ["b", "d"] }
        let late = try await ask("late")
        requests.end("d", .unreachable("away"))
        #expect(await old.value == .failure(.unreachable("away")))
        #expect(await older.value == .failure(.unreachable("away")), "it had waited when d began")
        try await eventually("its turn has come") { requests.underWay == ["b", "late"] }
        for name in ["b", "late"] { requests.end(name) }
        #expect(await late.value == .success("late"))
    }

    @Test func whereOthersAreAnsweredOneWaitsOn() async throws {
        _ = [try await ask("a"), try await ask("b")]
        requests.end("a")
        let (slow, fast) = (try await ask("slow"), try await ask("c"))
        requests.end("b")
        try await eventually("both are under way") { requests.underWay == ["slow", "c"] }
        let waiting = [try await ask("d"), try await ask("e")]
        requests.end("c", .denied("no"))
        #expect(await fast.value == .failure(.denied("no")))
        try await eventually("d is under way") { requests.underWay == ["slow", "d"] }
        requests.end("slow", .unreachable("lost"))
        #expect(await slow.value == .failure(.unreachable("lost")))
        try await eventually("e is not given up") { requests.underWay == ["d", "e"] }
        for name in ["d", "e"] { requests.end(name) }
        for (task, name) in zip(waiting, ["d", "e"]) { #expect(await task.value == .success(name)) }
    }
}
