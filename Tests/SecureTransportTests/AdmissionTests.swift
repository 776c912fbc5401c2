import Addressing
import NIOCore
import SecureTransport
import Testing

extension NIODeadline {
    fileprivate static let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
}

@Suite struct AdmissionTests {
    private let a = IPPrefix("192.0.2.1/32")!
    private let b = IPPrefix("192.0.2.2/32")!
    private let c = IPPrefix("2001:db8::/64")!

    private func control(_ change: (inout AdmissionLimits) -> Void) -> AdmissionControl {
        var limits = AdmissionLimits(pending: 256, pendingPerSource: 16, burstPerSource: 64, ratePerSource: 8)
        change(&limits)
        return AdmissionControl(limits)
    }

    @Test func pendingConnectionsOfOneSourceAreLimited() {
        let control = control { $0.pendingPerSource = 2 }
        #expect(control.admit(a, at: .start) == .admitted)
        #expect(control.admit(a, at: .start) == .admitted)
        #expect(control.admit(a, at: .start) == .refused(isFirst: true))
        #expect(control.admit(a, at: .start) == .refused(isFirst: false))
        #expect(control.admit(b, at: .start) == .admitted)
        control.release(a)
        #expect(control.admit(a, at: .start) == .admitted)
        #expect(control.admit(a, at: .start) == .refused(isFirst: true))
    }

    @Test func pendingConnectionsAreLimitedInAll() {
        let control = control { $0.pending = 3 }
        for source in [a, b, c] { #expect(control.admit(source, at: .start) == .admitted) }
        #expect(control.admit(nil, at: .start) == .refused(isFirst: true))
        control.release(b)
        #expect(control.admit(nil, at: .start) == .admitted)
    }

    @Test func sourcesComeAtTheirRate() {
        let control = control {
            $0.burstPerSource = 3
            $0.ratePerSource = 2
        }
        func come(_ seconds: Double) -> Bool {
            let verdict = control.admit(a, at: .start + .nanoseconds(Int64(seconds * 1e9)))
            if verdict == .admitted { control.release(a) }
            return verdict == .admitted
        }
        #expect(come(0) && come(0) && come(0) && !come(0))
        #expect(!come(0.4) && come(0.5) && !come(0.5))
        // A source at rest gets its burst back, and no more.
        #expect(come(100) && come(100) && come(100) && !come(100))
        // A clock that stands still or goes back gives nothing.
        #expect(!come(99))
    }

    @Test func manySourcesAreForgottenAtRest() {
        let control = control { $0.pending = 100_000 }
        for source in 0..<10_000 {
            let site = IPAddress(bytes: [10, 0, UInt8(source >> 8), UInt8(source & 0xff)])!.site
            #expect(control.admit(site, at: .start) == .admitted)
            control.release(site)
        }
        #expect(control.admit(a, at: .start + .seconds(1000)) == .admitted)
        #expect(control.remembered <= 2)
    }
}
