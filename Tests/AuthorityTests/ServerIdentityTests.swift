import Identity
import Issuance
import Synchronization
import Testing

@testable import Authority

@Suite struct ServerIdentityTests {
    private final class Clock: Sendable {
        private let time = Mutex(start)
        var now: Int64 { time.withLock { $0 } }
        func set(_ new: Int64) { time.withLock { $0 = new } }
    }

    private final class Events: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func add(_ event: AuthorityEvent) {
            lines.withLock {
                switch event {
                case .serverRenewed: $0.append("renewed")
                case .serverRenewalFailed(let error): $0.append("\(error)")
                default: $0.append("?")
                }
            }
        }
    }

    private let clock = Clock()
    private let events = Events()

    private func identity(rootLifetime: Duration = .seconds(86400)) throws -> ServerIdentity {
        let authority = try CertificateAuthority.createRoot(for: trustDomain, now: start, lifetime: rootLifetime)
        return try ServerIdentity(
            authorities(authority), name: "main", lifetime: .seconds(3600), now: { [clock] in clock.now },
            observe: { [events] in events.add($0) })
    }

    @Test func isRenewedAtHalfLifeByWhoeverAsks() throws {
        let identity = try identity()
        let first = identity.current.svid
        clock.set(start + 1794)
        #expect(identity.current.svid == first)
        clock.set(start + 1795)
        let second = identity.current.svid
        #expect(second != first)
        #expect(second.id == first.id)
        #expect(identity.current.svid == second)
        #expect(events.all == ["renewed"])
    }

    @Test(arguments: [7200, -7200]) func survivesAClockThatWasSet(by seconds: Int64) throws {
        let identity = try identity()
        clock.set(start + seconds)
        guard seconds > 0 else {
            // Before the root's own time nothing can be issued; what is held stays.
            for _ in 0..<10 { #expect(identity.current.svid.notBefore == start - 10) }
            #expect(events.all.count == 1)
            return
        }
        #expect(identity.current.svid.notAfter > clock.now)
    }

    /// Whoever connects while the root has ended must not make the journal overflow.
    @Test func aRenewalThatFailsIsTriedNowAndThen() throws {
        let identity = try identity(rootLifetime: .seconds(600))
        let held = identity.current.svid
        clock.set(start + 600)
        for _ in 0..<100 { #expect(identity.current.svid == held) }
        #expect(events.all.count == 1)
        clock.set(start + 610)
        #expect(identity.current.svid == held)
        #expect(events.all.count == 2)
    }
}
