import Addressing
import Identity
import PodState
import Testing

@testable import PodshieldDaemon

@Suite struct ToldPodsTests {
    private static let identity = NumericIdentity(rawValue: 300)

    private func pod(_ name: String = "web-0", index: UInt32 = 7, identity: NumericIdentity = identity) throws
        -> ToldPods.Pod
    {
        ToldPods.Pod(record: try podRecord(name, index: index), identity: identity)
    }

    @Test func whatWasToldMayBeEnforced() throws {
        let told = ToldPods([try pod()])
        #expect(told.enforceable(try pod()) == Self.identity)
    }

    @Test(arguments: ["10.42.1.7", "fd42::7"]) func nobodyIsServedAtAnAddressInQuarantine(_ address: String) throws {
        let told = ToldPods([try pod()], quarantined: [IPAddress(address)!])
        #expect(told.enforceable(try pod()) == .unknown)
    }

    @Test func theAddressOfAnotherIsNoMatter() throws {
        let told = ToldPods([try pod()], quarantined: [IPAddress("10.42.1.8")!])
        #expect(told.enforceable(try pod()) == Self.identity)
    }

    /// A telling that began before the address changed hands has not asked whether it is free for the new holder.
    @Test func nothingIsConcludedForAPodThatWasNotToldOf() throws {
        let told = ToldPods([try pod("web-0")])
        #expect(told.enforceable(try pod("web-1")) == nil)
        #expect(told.enforceable(try pod("web-0", index: 8)) == nil)
        #expect(told.enforceable(try pod("web-0", identity: NumericIdentity(rawValue: 301))) == nil)
        #expect(told.enforceable(try pod("web-0", identity: .unknown)) == nil)
    }

    // MARK: What a next run inherits

    @Test func whatPeersMayStillTakeForTheFormerHolders() throws {
        let gone = try podRecord("db-0", index: 9).holdings(of: Self.identity)
        let released = Set(gone.prefix(1))
        let told = ToldPods([try pod()], released: released)
        #expect(told.former(of: []) == released)
        // All that was given up before has been told; what peers know is forgotten.
        #expect(told.former(of: Set(gone)) == released)
    }

    /// The telling was of a pod that has gone only since: the next one will say whether peers know.
    @Test func whatWasGivenUpSinceIsKept() throws {
        let since = Set(try pod().record.holdings(of: Self.identity))
        #expect(ToldPods([try pod()]).former(of: since) == since)
        let asAnother = Set(try pod().record.holdings(of: NumericIdentity(rawValue: 301)))
        #expect(ToldPods([try pod()]).former(of: asAnother).isEmpty)
    }
}
