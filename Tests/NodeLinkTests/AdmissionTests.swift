import KeyAgreement
import Testing

@testable import NodeLink

@Suite struct AdmissionTests {
    private func control(_ change: (inout NodeLinkLimits) -> Void) -> AdmissionControl {
        var limits = NodeLinkLimits()
        change(&limits)
        return AdmissionControl(limits)
    }

    @Test func pendingConnectionsOfOneSourceAreLimited() {
        let control = control { $0.pendingPerSource = 2 }
        #expect(control.admit("a", at: 0) == .admitted)
        #expect(control.admit("a", at: 0) == .admitted)
        #expect(control.admit("a", at: 0) == .refused(isFirst: true))
        #expect(control.admit("a", at: 0) == .refused(isFirst: false))
        #expect(control.admit("b", at: 0) == .admitted)
        control.release("a")
        #expect(control.admit("a", at: 0) == .admitted)
        #expect(control.admit("a", at: 0) == .refused(isFirst: true))
    }

    @Test func pendingConnectionsAreLimitedInAll() {
        let control = control { $0.pending = 3 }
        for source in ["a", "b", "c"] { #expect(control.admit(source, at: 0) == .admitted) }
        #expect(control.admit("d", at: 0) == .refused(isFirst: true))
        control.release("b")
        #expect(control.admit("d", at: 0) == .admitted)
    }

    @Test func sourcesComeAtTheirRate() {
        let control = control {
            $0.burstPerSource = 3
            $0.ratePerSource = 2
        }
        func come(_ seconds: Double) -> Bool {
            let verdict = control.admit("a", at: UInt64(seconds * 1e9))
            if verdict == .admitted { control.release("a") }
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
            #expect(control.admit("\(source)", at: 0) == .admitted)
            control.release("\(source)")
        }
        #expect(control.admit("once more", at: 1_000_000_000_000) == .admitted)
        #expect(control.remembered <= 2)
    }
}
