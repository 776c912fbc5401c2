import Configuration
import Foundation
import Glibc
import KernelTestSupport
import LinuxBinding
import Synchronization
import Telemetry
import Testing

@testable import PodshieldDaemon

@Suite(.timeLimit(.minutes(1))) struct LifecycleTests {
    struct Broken: Error, CustomStringConvertible {
        let description = "it broke"
    }

    // MARK: Components

    @Test func aPartThatEndsIsToldWithItsReason() async {
        let components = Components()
        components.start("one that lasts") { try await Task.sleep(for: .seconds(600)) }
        components.start("one that fails") { throw Broken() }
        components.start("one that ends") {}
        var seen: [String: String] = [:]
        for await ended in components.ended {
            seen[ended.name] = ended.reason
            if seen.count == 2 { break }
        }
        #expect(seen == ["one that fails": "it broke", "one that ends": "without an error"])
        await components.stop(within: .seconds(10))
    }

    @Test func stoppingGoesBackwardsAndTellsNobody() async {
        let components = Components()
        let order = Mutex<[String]>([])
        for name in ["first", "second", "third"] {
            components.start(name) {
                try? await Task.sleep(for: .seconds(600))
                order.withLock { $0.append(name) }
            }
        }
        await components.stop(within: .seconds(10))
        #expect(order.withLock { $0 } == ["third", "second", "first"])
    }

    @Test func aPartThatDoesNotEndDelaysNoLongerThanAllowed() async {
        let components = Components()
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        components.start("a stubborn one") {
            // Not cancellable.
            await Task { for await _ in gate { break } }.value
        }
        // The gate opens only afterwards: a stop that waited for the part would not come back.
        await components.stop(within: .milliseconds(100))
        open.yield()
    }

    // MARK: Turns

    @Test func onePodIsHandledOneAfterAnother() async {
        let counter = TurnCounter()
        await withDiscardingTaskGroup { group in
            for index in 0..<100 { group.addTask { await counter.work(on: index % 3) } }
        }
        #expect(await counter.most == [0: 1, 1: 1, 2: 1])
        #expect(await counter.done == 100)
    }

    private actor TurnCounter {
        private var turns = Turns<Int>()
        private var running: [Int: Int] = [:]
        private(set) var most: [Int: Int] = [:]
        private(set) var done = 0

        func work(on name: Int) async {
            if !turns.begin(name) { await withCheckedContinuation { turns.wait(name, $0) } }
            running[name, default: 0] += 1
            most[name] = max(most[name] ?? 0, running[name] ?? 0)
            await Task.yield()
            running[name, default: 0] -= 1
            done += 1
            turns.end(name)
        }
    }

    // MARK: Reloading

    @Test func aReloadDuringTheStartIsMadeUpForAfterwards() async throws {
        let directory = try TemporaryDirectory()
        let configuration = try authorityConfiguration(in: directory, port: 17621)
        let instance = try Instance(configuration.paths)
        defer { withExtendedLifetime(instance) {} }
        let (signals, sender) = AsyncStream.makeStream(of: DaemonSignal.self)
        let kinds = Mutex<[EventKind]>([])
        let telemetry = Telemetry(
            EventDestination { recorded in
                kinds.withLock { $0.append(recorded.event.kind) }
                if recorded.event.kind == .reloadRefused { sender.yield(.stop) }
            }, now: WallClock.nanoseconds)
        sender.yield(.reload)
        let context = DaemonContext(configuration, telemetry: telemetry)
        try await Supervision(context: context, path: directory.path + "/absent", signals: signals).run()
        #expect(kinds.withLock { $0.filter { [.ready, .reloadRefused].contains($0) } } == [.ready, .reloadRefused])
    }

    /// Here for who writes the configuration, into a pipe.
    @Test func aReloadThatHangsKeepsNobodyFromStopping() async throws {
        let directory = try TemporaryDirectory()
        let pipe = directory.path + "/pipe"
        try Command.run("mkfifo", "-m", "600", pipe)
        let configuration = try authorityConfiguration(in: directory, port: 17622)
        let instance = try Instance(configuration.paths)
        defer { withExtendedLifetime(instance) {} }
        let (signals, sender) = AsyncStream.makeStream(of: DaemonSignal.self)
        let kinds = Mutex<[EventKind]>([])
        let telemetry = Telemetry(
            EventDestination { recorded in kinds.withLock { $0.append(recorded.event.kind) } },
            now: WallClock.nanoseconds)
        let context = DaemonContext(configuration, telemetry: telemetry)
        sender.yield(.reload)
        let running = Task { try await Supervision(context: context, path: pipe, signals: signals).run() }
        // There is nobody to write to until the reload reads.
        var writer: LinuxBinding.FileDescriptor?
        while writer == nil {
            writer = try? FileDescriptor(opening: pipe, O_WRONLY | O_NONBLOCK)
            try await Task.sleep(for: .milliseconds(10))
        }
        sender.yield(.stop)
        try await running.value
        #expect(kinds.withLock { !$0.contains(.reloadRefused) && $0.contains(.stopping) })
        withExtendedLifetime(writer) {}
    }

    // MARK: The instance

    private func paths(in directory: TemporaryDirectory) throws -> PodshieldConfiguration.Paths {
        try authorityConfiguration(in: directory).paths
    }

    @Test func anInstanceIsHeldByOne() throws {
        let directory = try TemporaryDirectory()
        let paths = try paths(in: directory)
        do {
            let first = try Instance(paths)
            #expect {
                try Instance(paths)
            } throws: { error in
                guard case .instanceHeld(let reason) = error as? StartError else { return false }
                return "\(reason)".contains(paths.run) && (error as? StartError)?.exitStatus == 1
            }
            withExtendedLifetime(first) {}
        }
        _ = try Instance(paths)
    }

    @Test func directoriesThatOthersWriteToAreRefused() throws {
        let directory = try TemporaryDirectory()
        let paths = try paths(in: directory)
        try FileManager.default.createDirectory(
            atPath: paths.run, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o777])
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: paths.run)
        #expect {
            try Instance(paths)
        } throws: { error in
            guard case .directory = error as? StartError else { return false }
            return "\(error)".contains(paths.run)
        }
    }

    // MARK: The join token

    @Test func tokensAreReadFromWhereTheyAre() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/token"
        #expect(try JoinToken(source: .text("abc")).read() == "abc")
        try Data("  abc\n".utf8).write(to: URL(filePath: path))
        try setMode(0o600, path)
        #expect(try JoinToken(source: .file(path: path)).read() == "abc")
        #expect(throws: TokenError.none) { try JoinToken(source: nil).read() }
        for text in ["", "\n", "two words"] {
            try Data(text.utf8).write(to: URL(filePath: path))
            #expect(throws: TokenError.notOneWord(path)) { try JoinToken(source: .file(path: path)).read() }
        }
        #expect(throws: TokenError.self) { try JoinToken(source: .file(path: path + "-not-there")).read() }
    }

    @Test(arguments: [0o644, 0o640, 0o602]) func aTokenThatOthersCanTouchIsNone(_ mode: Int) throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/token"
        try Data("abc".utf8).write(to: URL(filePath: path))
        try setMode(mode, path)
        #expect(throws: TokenError.notPrivate(.open(path: path, mode: UInt32(0o100000 | mode)))) {
            try JoinToken(source: .file(path: path)).read()
        }
    }

    private func setMode(_ mode: Int, _ path: String) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    /// The token is a secret: no error may carry it.
    @Test func noErrorShowsAToken() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/token"
        try Data("secret-one secret-two".utf8).write(to: URL(filePath: path))
        try setMode(0o600, path)
        #expect {
            try JoinToken(source: .file(path: path)).read()
        } throws: { !"\($0)".contains("secret-") && "\($0)".contains(path) }
    }
}
