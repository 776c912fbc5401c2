import Foundation
import Testing
import TrustedPlatform

@testable import NodeIdentity

@Suite(.timeLimit(.minutes(1))) struct TPMCallsTests {
    private let calls = TPMCalls()
    private let done = DispatchSemaphore(value: 0)

    private func hang(within patience: Duration) async throws(TPMError) {
        try await calls.make(within: patience) { [done] () throws(TPMError) in done.wait() }
    }

    @Test func whatTheTPMSaysIsPassedOn() async throws {
        #expect(try await calls.make(within: .seconds(30)) { () throws(TPMError) in 7 } == 7)
        let failure = TPMError(operation: "it", reason: "no")
        await #expect(throws: failure) {
            try await calls.make(within: .seconds(30)) { () throws(TPMError) -> Int in throw failure }
        }
    }

    /// There is one thread in it, however often somebody asks, until it answers.
    @Test func aTPMThatHangsIsNotWaitedForForEver() async throws {
        let late = await #expect(throws: TPMError.self) { try await hang(within: .milliseconds(20)) }
        #expect(late?.reason == "it has not answered within 0.02 seconds")
        for _ in 0..<3 {
            let busy = await #expect(throws: TPMError.self) { try await hang(within: .seconds(30)) }
            #expect(busy?.reason == "it has not answered an earlier call yet")
        }
        done.signal()
        try await eventually("it is asked again") {
            (try? await calls.make(within: .seconds(30)) { () throws(TPMError) in 7 }) == 7
        }
    }

    /// A daemon that stops does not wait for it.
    @Test func nobodyWaitsWhoWasCancelled() async throws {
        let waiting = Task { try await hang(within: .seconds(600)) }
        waiting.cancel()
        let error = await #expect(throws: TPMError.self) { try await waiting.value }
        #expect(error?.reason == "nobody waits for it any more")
        done.signal()
    }
}
