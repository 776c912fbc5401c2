import Telemetry
import Testing

@testable import PodshieldDaemon

/// How much of the journal others can fill.
@Suite struct ForeignReportsTests {
    private let telemetry = Telemetry(EventDestination { _ in }, now: { 5 })
    private let reports: ForeignReports
    private let start = ContinuousClock.now

    init() { reports = ForeignReports(telemetry) }

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
        #expect(reports.noisy(at: start) == [.init(peer: "c", kind: .proofRefused)])
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

    /// A broker that begins anew, with as many streams as it may have; one that asks on and on is named.
    @Test func whatABrokerIsGivenIsToldOfAllItsStreams() {
        let served = Event.brokerServed(
            spiffeID: "spiffe://example.org/proxy", workload: "pod shop/web-0",
            identities: ["spiffe://example.org/web"], call: "SubscribeToX509SVID")
        #expect(served.message.hasSuffix(" acts for pod shop/web-0 as spiffe://example.org/web: SubscribeToX509SVID"))
        #expect(said(2048, served).allSatisfy { $0 == served })
        #expect(said(10_000, served).map(\.kind) == [.peerNoisy])
    }

    // MARK: Strangers

    typealias Numbered = @Sendable (_ number: Int) -> Event
    typealias OfNode = @Sendable (_ node: String) -> Event

    private static let caused: [Numbered] = [
        { .linkRefused(address: "192.0.2.\($0 % 64)", reason: "the handshake failed") },
        { .connectionRefused(address: "192.0.2.\($0 % 64) port \($0)", reason: "the handshake failed") },
        { .joinRefused(address: "ipv4:192.0.2.\($0 % 64):\($0)", reason: "too many tries") },
        { _ in .callRefused(caller: nil, reason: "no certificate") },
        { .directoryFull(asker: "ipv4:192.0.2.\($0 % 64):\($0)", reason: "no room") },
        { _ in .workloadRefused(source: "user 1000") },
        { _ in .secretRejected(source: "user 1000", reason: "no") },
    ]

    /// However many there are.
    @Test(arguments: caused) func strangersFillNothing(_ event: Numbered) {
        let kind = event(0).kind
        let events = (0..<10_000).compactMap { reports.admitted(event($0), at: start + .milliseconds(4 * $0)) }
        // 40 seconds of it.
        #expect((131...133).contains(events.count) && events.allSatisfy { $0.kind == kind })
        #expect(reports.noisy(at: start + .seconds(40)) == [.init(peer: nil, kind: kind)])
        let sums = reports.sums(at: start + .seconds(40))
        #expect(sums == [.reportsLeftOut(UInt64(10_000 - events.count), about: kind, peer: nil)])
        #expect(reports.sums(at: start + .seconds(40)).isEmpty)
    }

    @Test func oneKindLeavesRoomForAnother() {
        for event in Self.caused { #expect(said(1000, event(0)).count == 128) }
    }

    // MARK: Members, at the authority

    private static let causedByNode: [OfNode] = [
        { .callRefused(caller: "spiffe://example.org/podshield/node/\($0)", reason: "too many calls") },
        { .directoryFull(asker: "spiffe://example.org/podshield/node/\($0)", reason: "no room") },
        { .leasesRefused(prefixes: ["10.0.0.0/8"], node: "spiffe://example.org/podshield/node/\($0)") },
    ]

    @Test(arguments: causedByNode) func oneNodeIsNamedAndOthersAreHeard(_ event: OfNode) {
        let kind = event("a").kind
        let events = said(10_000, event("a"))
        #expect(events.count == 129 && events.last == .peerNoisy(peer: "a", about: kind))
        #expect(said(10, event("b")).count == 10)
        #expect(reports.sums(at: start) == [.reportsLeftOut(9872, about: kind, peer: "a")])
    }

    /// A workload that happens to end as a node is called is not that node.
    @Test func aWorkloadIsNamedWhole() {
        let id = "spiffe://example.org/ns/shop/sa/a"
        let event = Event.connectionRefused(address: id, reason: "it has 4 connections already")
        #expect(said(10_000, event).last == .peerNoisy(peer: id, about: .connectionRefused))
    }

    // MARK: What is told

    @Test func whatIsAdmittedIsRecorded() {
        for _ in 0..<1000 { reports.record(.linkRefused(address: "192.0.2.1", reason: "too many connections")) }
        #expect(telemetry.history(last: 1000).count == 128)
    }

    /// Whatever the interval.
    @Test func sumsAreToldAtTheEnd() async {
        for _ in 0..<1000 { reports.record(.linkRefused(address: "192.0.2.1", reason: "too many connections")) }
        let telling = Task { await reports.tellSums() }
        telling.cancel()
        await telling.value
        #expect(telemetry.history(last: 1).map(\.event) == [.reportsLeftOut(872, about: .linkRefused, peer: nil)])
    }
}
