import Addressing
import RateLimiting
import SecureTransport
import Testing

@Suite struct AdmissionTests {
    private let start = ContinuousClock.now
    private let a = IPAddress("192.0.2.1")!
    private let b = IPAddress("192.0.2.2")!
    private let c = IPAddress("2001:db8::1")!
    private let neighbour = IPAddress("2001:db8::2")!

    private func control(_ change: (inout AdmissionLimits) -> Void) -> AdmissionControl {
        let pool = AdmissionLimits.Pool(pending: 256, rate: Rate(burst: 100_000, perSecond: 1))
        var limits = AdmissionLimits(
            strangers: pool, nodes: pool, pendingPerSource: 16, ratePerSource: Rate(burst: 64, perSecond: 8))
        change(&limits)
        return AdmissionControl(limits, at: start)
    }

    private func site(_ address: IPAddress) -> AdmissionControl.Source { .site(address.site) }

    @Test func pendingConnectionsOfOneSourceAreLimited() {
        let control = control { $0.pendingPerSource = 2 }
        #expect(control.admit(a, at: start) == .admitted(site(a)))
        #expect(control.admit(a, at: start) == .admitted(site(a)))
        #expect(control.admit(a, at: start) == .refused(isFirst: true))
        #expect(control.admit(a, at: start) == .refused(isFirst: false))
        #expect(control.admit(b, at: start) == .admitted(site(b)))
        control.release(site(a))
        #expect(control.admit(a, at: start) == .admitted(site(a)))
        #expect(control.admit(a, at: start) == .refused(isFirst: true))
    }

    /// At a Unix socket nobody has an address.
    @Test func usersDoNotKeepEachOtherOut() {
        let control = control { $0.pendingPerSource = 1 }
        #expect(control.admit(user: 1, at: start) == .admitted(.user(1)))
        #expect(control.admit(user: 1, at: start) == .refused(isFirst: true))
        #expect(control.admit(user: 2, at: start) == .admitted(.user(2)))
        #expect(control.admit(nil, at: start) == .admitted(.unknown))
        control.release(.user(1))
        #expect(control.admit(user: 1, at: start) == .admitted(.user(1)))
    }

    @Test func pendingConnectionsAreLimitedInAll() {
        let control = control { $0.strangers.pending = 3 }
        for source in [a, b, c] { #expect(control.admit(source, at: start) == .admitted(site(source))) }
        #expect(control.admit(nil, at: start) == .refused(isFirst: true))
        // Whoever it is: it is the same flood.
        #expect(control.admit(a, at: start) == .refused(isFirst: false))
        control.release(site(b))
        #expect(control.admit(nil, at: start) == .admitted(.unknown))
        #expect(control.admit(b, at: start) == .refused(isFirst: true))
    }

    @Test func sourcesComeAtTheirRate() {
        let control = control { $0.ratePerSource = Rate(burst: 3, perSecond: 2) }
        func come(_ seconds: Double) -> Bool { comes(a, control, start + .seconds(seconds)) }
        #expect(come(0) && come(0) && come(0) && !come(0))
        #expect(!come(0.4) && come(0.5) && !come(0.5))
        // A source at rest gets its burst back, and no more.
        #expect(come(100) && come(100) && come(100) && !come(100))
        // A clock that stands still or goes back gives nothing.
        #expect(!come(99))
    }

    @Test func strangersComeAtARateInAll() {
        let control = control { $0.strangers.rate = Rate(burst: 3, perSecond: 2) }
        func come(_ source: IPAddress, _ seconds: Double) -> Bool { comes(source, control, start + .seconds(seconds)) }
        #expect(come(a, 0) && come(b, 0) && come(c, 0))
        #expect(!come(a, 0) && !come(b, 0.4) && come(b, 0.5) && !come(c, 0.5))
    }

    // MARK: Nodes

    @Test func strangersTakeNothingFromNodes() {
        let control = control {
            $0.strangers = .init(pending: 2, rate: Rate(burst: 2, perSecond: 0))
            $0.nodes = .init(pending: 3, rate: Rate(burst: 100, perSecond: 1))
            $0.pendingPerSource = 2
        }
        control.know([a, c])
        #expect(control.admit(b, at: start) == .admitted(site(b)) && control.admit(b, at: start) == .admitted(site(b)))
        #expect(control.admit(nil, at: start) == .refused(isFirst: true))
        for _ in 0..<2 { #expect(control.admit(a, at: start) == .admitted(.node(a))) }
        // One node takes nothing from the others, nor all of them from strangers.
        #expect(control.admit(a, at: start) == .refused(isFirst: true))
        #expect(control.admit(c, at: start) == .admitted(.node(c)))
        #expect(control.admit(c, at: start) == .refused(isFirst: true))
    }

    /// Nodes of one network share a /64, also with strangers.
    @Test func aNodesNeighbourIsAStranger() {
        let control = control { $0.pendingPerSource = 1 }
        control.know([c])
        #expect(control.admit(neighbour, at: start) == .admitted(site(neighbour)))
        #expect(control.admit(c, at: start) == .admitted(.node(c)))
        control.know([c, neighbour])
        #expect(control.admit(neighbour, at: start) == .admitted(.node(neighbour)))
    }

    @Test func whoIsNoNodeAnyMoreIsAStranger() {
        let control = control { $0.nodes.pending = 1 }
        control.know([a, b])
        #expect(control.admit(a, at: start) == .admitted(.node(a)))
        control.know([b])
        #expect(control.admit(a, at: start) == .admitted(site(a)))
        #expect(control.admit(b, at: start) == .refused(isFirst: true))
        control.release(.node(a))
        #expect(control.admit(b, at: start) == .admitted(.node(b)))
    }

    // MARK: Memory

    @Test func manySourcesAreForgottenAtRest() {
        let control = control { $0.strangers.pending = 100_000 }
        for source in 0..<5000 { #expect(comes(address(source), control, start)) }
        #expect(comes(a, control, start + .seconds(1000)))
        #expect(control.remembered <= 2)
    }

    @Test func whoIsRefusedForOthersIsNotRemembered() {
        let control = control { $0.strangers.pending = 1 }
        #expect(control.admit(a, at: start) == .admitted(site(a)))
        for source in 0..<5000 { #expect(!comes(address(source), control, start)) }
        #expect(control.remembered == 1)
    }

    private func address(_ number: Int) -> IPAddress {
        IPAddress(bytes: [10, 0, UInt8(number >> 8), UInt8(number & 0xff)])!
    }

    /// Whether it is admitted; it is released at once.
    private func comes(_ address: IPAddress, _ control: AdmissionControl, _ time: ContinuousClock.Instant) -> Bool {
        guard case .admitted(let source) = control.admit(address, at: time) else { return false }
        control.release(source)
        return true
    }
}
