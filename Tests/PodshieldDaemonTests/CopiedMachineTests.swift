import Synchronization
import Telemetry
import Testing

@testable import PodshieldDaemon

@Suite struct CopiedMachineTests {
    @Test func theDaemonOfACopySaysSoAndEnds() async throws {
        let (changes, hypervisor) = AsyncStream.makeStream(of: Void.self)
        let told = Mutex<[EventKind]>([])
        let telemetry = Telemetry(
            EventDestination { recorded in told.withLock { $0.append(recorded.event.kind) } },
            now: WallClock.nanoseconds)
        let ends = Mutex(0)
        let copied = CopiedMachine(
            changes: changes, datapath: nil, telemetry: telemetry, end: { ends.withLock { $0 += 1 } })
        hypervisor.yield()
        await copied.run()
        #expect(ends.withLock { $0 } == 1 && told.withLock { $0 } == [.machineCopied])
    }

    @Test func aMachineThatIsNoneGoesOn() async throws {
        let (changes, hypervisor) = AsyncStream.makeStream(of: Void.self)
        let ends = Mutex(0)
        let copied = CopiedMachine(
            changes: changes, datapath: nil,
            telemetry: Telemetry(EventDestination { _ in }, now: WallClock.nanoseconds),
            end: { ends.withLock { $0 += 1 } })
        hypervisor.finish()
        await copied.run()
        #expect(ends.withLock { $0 } == 0)
    }
}
