import Dispatch
import Synchronization
import Testing

@testable import Telemetry

/// Keeps what is written.
private final class Recorder: Sendable {
    private let written = Mutex<[RecordedEvent]>([])
    /// Held while nothing may be written.
    let gate = DispatchSemaphore(value: 1)

    var destination: EventDestination {
        EventDestination { [self] event in
            gate.wait()
            written.withLock { $0.append(event) }
            gate.signal()
        }
    }

    var events: [RecordedEvent] { written.withLock { $0 } }
    var messages: [String] { events.map(\.event.message) }
}

@Suite struct TelemetryTests {
    private let recorder = Recorder()

    private func telemetry(_ level: EventPriority = .info, history: Int = 1000) -> Telemetry {
        Telemetry(recorder.destination, level: level, historyLimit: history, now: { 42 })
    }

    private func event(_ number: Int) -> Event { .ready(role: "\(number)") }

    @Test func whatIsRecordedIsWritten() {
        let telemetry = telemetry()
        telemetry.record(event(1))
        telemetry.record(event(2), at: 7)
        telemetry.flush()
        #expect(recorder.events.map(\.number) == [1, 2])
        #expect(recorder.events.map(\.time) == [42, 7])
    }

    @Test func theLevelIsForWritingOnly() {
        let telemetry = telemetry(.warning)
        telemetry.record(event(1))
        telemetry.record(.adminRefused(user: 1))
        telemetry.setLevel(.notice)
        telemetry.record(event(3))
        telemetry.flush()
        #expect(recorder.events.map(\.number) == [2, 3])
        #expect(telemetry.history(last: 10).map(\.number) == [1, 2, 3])
    }

    /// A clock that was set back forgets nothing.
    @Test(arguments: [(0, true), (59, true), (60, true), (61, false), (-10, true)] as [(Int64, Bool)])
    func kindsAreCountedAndLatelyKnown(_ age: Int64, isKnown: Bool) throws {
        let second: Int64 = 1_000_000_000
        let telemetry = Telemetry(recorder.destination, now: { 1000 * second })
        #expect(telemetry.tally(of: .ready, within: .seconds(60)) == nil)
        telemetry.record(event(1), at: 0)
        telemetry.record(.adminRefused(user: 1))
        telemetry.record(event(2), at: (1000 - age) * second)
        let tally = telemetry.tally(of: .ready, within: .seconds(60))
        #expect((tally != nil) == isKnown)
        if let tally { #expect(tally.count == 2 && tally.last.number == 3) }
    }

    @Test(arguments: [(0, []), (2, [4, 5]), (3, [3, 4, 5]), (99, [3, 4, 5]), (-1, [])])
    func historyIsBounded(_ last: Int, _ expected: [UInt64]) {
        let telemetry = telemetry(history: 3)
        for number in 1...5 { telemetry.record(event(number)) }
        #expect(telemetry.history(last: last).map(\.number) == expected)
    }

    @Test func observersReadThePastAndThenThePresent() async {
        let telemetry = telemetry()
        telemetry.record(event(1))
        telemetry.record(event(2))
        var reader = telemetry.observe(last: 1).makeAsyncIterator()
        telemetry.record(event(3))
        #expect(await reader.next()?.number == 2)
        #expect(await reader.next()?.number == 3)
    }

    @Test func everyObserverReadsEverything() async {
        let telemetry = telemetry()
        var (one, other) = (telemetry.observe().makeAsyncIterator(), telemetry.observe().makeAsyncIterator())
        telemetry.record(event(1))
        #expect(await one.next()?.number == 1)
        #expect(await other.next()?.number == 1)
    }

    @Test func slowReadersLoseTheOldestAndAreTold() async {
        let telemetry = telemetry()
        telemetry.record(event(1))
        var reader = telemetry.observe(last: 1).makeAsyncIterator()
        let count = EventStream.bufferLimit + 10
        for number in 1...count { telemetry.record(event(number)) }
        #expect(await reader.next()?.number == 1)
        let gap = await reader.next()
        #expect(gap?.event == .observationGap(lost: 10))
        #expect(await reader.next()?.number == 12)
        for _ in 1..<EventStream.bufferLimit { _ = await reader.next() }
        telemetry.record(event(0))
        #expect(await reader.next()?.number == UInt64(count) + 2)
    }

    @Test func aStalledJournalDelaysNobody() {
        let telemetry = telemetry()
        recorder.gate.wait()
        for number in 1...5000 { telemetry.record(event(number)) }
        recorder.gate.signal()
        telemetry.flush()
        #expect(recorder.events.count == 4097)
        #expect(recorder.messages.contains("904 events were not written: the journal is too slow"))
    }

    @Test(.timeLimit(.minutes(1))) func cancelledObserversAreForgotten() async {
        let telemetry = telemetry()
        let reading = Task {
            var count = 0
            for await _ in telemetry.observe(last: 1) { count += 1 }
            return count
        }
        reading.cancel()
        #expect(await reading.value <= 1)
    }
}
