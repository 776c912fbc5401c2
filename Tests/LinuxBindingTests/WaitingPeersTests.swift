import KernelTestSupport
import Testing

@testable import LinuxBinding

@Suite struct WaitingPeersTests {
    @Test func whoWaitsIsTurnedAwayAndWhoComesLaterIsNot() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/socket"
        let listener = try Listener(path: path)
        #expect(try ListeningSocket.turnAwayWaiting(at: listener.descriptor.raw) == 0)
        let waiting = try (0..<3).map { _ in try UnixSocket.connect(to: path, within: .seconds(5)) }
        #expect(try ListeningSocket.turnAwayWaiting(at: listener.descriptor.raw) == 3)
        for socket in waiting {
            let line = try socket.receiveLine(limit: 10)
            #expect(line.isEmpty)
        }
        let later = try UnixSocket.connect(to: path, within: .seconds(5))
        let accepted = UnixSocket(try listener.accept())
        try accepted.send(Array("served\n".utf8))
        #expect(try later.receiveLine(limit: 10) == Array("served".utf8))
    }

    @Test func theKernelHoldsOnToPeersFrom6_5() throws {
        let kernel = try #require(KernelRelease(try KernelRelease.current()))
        #expect(PeerProcess.isHeldByTheKernel == (kernel >= KernelRelease(6, 5)))
    }
}
