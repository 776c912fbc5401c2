import Telemetry
import Testing

@testable import PodshieldDaemon

/// How much of the journal one node can fill.
@Suite struct PeerReportsTests {
    private let reports = PeerReports()
    private let start = ContinuousClock.now

    private func refused(_ peer: String = "c") -> Event {
        .proofRefused(peer: peer, spiffeID: "spiffe://example.org/x", reason: "bad signature")
    }

    /// What is said of this many, one every `pause`.
    private func said(_ count: Int, every pause: Duration = .zero, from begin: Duration = .zero, _ event: Event)
        -> [Event]
    {
        (0..<count).compactMap { reports.admitted(event, at: start + begin + pause * $0) }
    }

    @Test func aFloodIsNamedOnce() {
        let events = said(10_000, refused())
        #expect(events.count == 129 && events.dropLast().allSatisfy { $0.kind == .proofRefused })
        #expect(events.last == .peerNoisy(peer: "c", about: .proofRefused))
        #expect(
            reports.noisy(at: start).map(\.peer) == ["c"] && reports.noisy(at: start).map(\.kind) == [.proofRefused])
    }

    @Test func oneASecondIsStillTold() {
        _ = said(10_000, refused())
        let events = said(600, every: .milliseconds(100), from: .seconds(1), refused())
        #expect((55...61).contains(events.count) && events.allSatisfy { $0.kind == .proofRefused })
    }

    @Test func whoWasQuietIsHeardAgain() {
        _ = said(10_000, refused())
        #expect(reports.noisy(at: start + .seconds(127)).count == 1)
        #expect(reports.noisy(at: start + .seconds(128)).isEmpty)
        let events = said(10_000, from: .seconds(128), refused())
        #expect(events.count { $0.kind == .peerNoisy } == 1 && events.count == 129)
    }

    @Test func othersAndOtherThingsAreHeardMeanwhile() {
        _ = said(10_000, refused())
        #expect(said(10, refused("b")).count == 10)
        #expect(said(10, .linkLost(peer: "c", reason: "closed")).count == 10)
    }

    /// What follows from what was proved comes once for each workload, and a node may have thousands.
    @Test func whatAPeerHasProvedIsNotLimited() {
        let installed = Event.associationInstalled(
            peer: "c", isInbound: true, spi: 300, spiffeID: "spiffe://example.org/x", identity: 256)
        #expect(said(4096, installed).count == 4096)
    }
}
