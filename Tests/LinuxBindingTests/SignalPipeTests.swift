import Glibc
import LinuxBinding
import Testing

@Suite struct SignalPipeTests {
    /// Its process would end by the signal, or be left without it.
    @Test func whatComesAtOnceIsNotLost() async {
        await #expect(processExitsWith: .success) {
            let pipe = try SignalPipe(taking: [SIGTERM, SIGHUP])
            kill(getpid(), SIGTERM)
            kill(getpid(), SIGHUP)
            var seen: Set<Int32> = []
            for _ in 0..<100 where seen.count < 2 {
                seen.formUnion(pipe.read())
                usleep(10_000)
            }
            #expect(seen == [SIGTERM, SIGHUP])
            #expect(pipe.read().isEmpty)
            #expect(throws: SystemError(operation: "sigaction", code: EBUSY)) { try SignalPipe(taking: []) }
        }
    }
}
