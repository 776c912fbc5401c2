import Addressing
import Identity
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
        let told = ToldPods([try pod()], quarantined: [])
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
        let told = ToldPods([try pod("web-0")], quarantined: [])
        #expect(told.enforceable(try pod("web-1")) == nil)
        #expect(told.enforceable(try pod("web-0", index: 8)) == nil)
        #expect(told.enforceable(try pod("web-0", identity: NumericIdentity(rawValue: 301))) == nil)
        #expect(told.enforceable(try pod("web-0", identity: .unknown)) == nil)
    }
}
