import Dispatch
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import PodshieldDaemon

@Suite(.timeLimit(.minutes(1))) struct WatchdogTests {
    private static let interval = Duration.milliseconds(15)

    @Test(arguments: 0..<4) func aLoopThatHangsEndsTheFeeding(_ index: Int) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 4)
        try await expectFeedingEnds(with: Array(group.makeIterator())[index], loops: group, actors: [])
        try await group.shutdownGracefully()
    }

    @Test(arguments: 0..<3) func anActorThatHangsEndsTheFeeding(_ index: Int) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let others = MultiThreadedEventLoopGroup(numberOfThreads: 3)
        let loops = Array(others.makeIterator())
        try await expectFeedingEnds(with: loops[index], loops: group, actors: loops.map(Resident.init))
        try await others.shutdownGracefully()
        try await group.shutdownGracefully()
    }

    /// It goes on once the loop does.
    private func expectFeedingEnds(
        with loop: any EventLoop, loops: any EventLoopGroup, actors: [any Actor]
    ) async throws {
        let meals = Meals()
        let watchdog = Watchdog(interval: Self.interval, loops: loops, actors: actors) { meals.add() }
        let feeder = Task { await watchdog.run() }
        defer { feeder.cancel() }
        try await meals.exceed(1)
        let hang = await Hang(loop)
        let before = meals.count
        try await Task.sleep(for: Self.interval * 8)
        let during = meals.count
        hang.end()
        // A round may have asked it already.
        #expect(during <= before + 1)
        try await meals.exceed(during)
    }

    /// Hangs when its loop does, and takes no thread of the others' with it.
    private actor Resident {
        private nonisolated let loop: any EventLoop
        nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.executor.asUnownedSerialExecutor() }

        init(of loop: any EventLoop) { self.loop = loop }
    }

    private final class Meals: Sendable {
        private let eaten = Mutex(0)
        var count: Int { eaten.withLock { $0 } }

        func add() { eaten.withLock { $0 += 1 } }

        func exceed(_ limit: Int) async throws {
            while count <= limit { try await Task.sleep(for: .milliseconds(1)) }
        }
    }

    /// Of a loop's thread, from its making to its end.
    private struct Hang {
        private let gate = DispatchSemaphore(value: 0)

        init(_ loop: any EventLoop) async {
            let gate = gate
            await withCheckedContinuation { begun in
                loop.execute {
                    begun.resume()
                    gate.wait()
                }
            }
        }

        func end() { gate.signal() }
    }
}
