import Addressing
import Identity
import LinkTestSupport
import Testing

@testable import KeyAgreement

/// What a peer does not take, what is said of it, and what becomes of it.
@Suite struct RefusalTests {
    @Test func whatTheLeasesDoNotAllowIsLeftOut() throws {
        let (network, a, b) = try Simulation.connected(["10.0.1.1", "10.0.9.9"])
        #expect(b.bound(from: a) == ["10.0.1.1"] && b.inbound(from: a) == [a.outbound(to: b)])
        network.directory.leases.append(Directory.Lease("10.0.9.9/32", a.number.rawValue, generation: 7))
        network.publish()
        network.settle()
        #expect(b.bound(from: a) == ["10.0.1.1", "10.0.9.9"])
    }

    @Test func refusedAnnouncementsAreTriedAgainEverMoreSeldom() throws {
        let (network, a, b) = try Simulation.connected(["10.0.9.9"])
        network.advance(.seconds(120))
        let tries = try #require(a.peers[b.number]?.retries[web]?.failures)
        #expect((6...14).contains(tries) && b.sink.bindings.isEmpty)
        network.directory.leases.append(Directory.Lease("10.0.9.9/32", a.number.rawValue))
        network.publish()
        network.advance(.seconds(31))
        #expect(b.bound(from: a) == ["10.0.9.9"])
    }

    @Test func aFullTableIsTriedAgainAndCostsNothing() throws {
        let (network, a, b) = try Simulation.connected()
        let spi = a.outbound(to: b)
        b.sink.isFull = true
        a.feed(.rekey, b.number)
        network.settle()
        #expect(a.outbound(to: b) == spi && b.inbound(from: a) == [spi] && b.bound(from: a) == ["10.0.1.1"])
        #expect(b.refusals == [.noRoom])
        b.sink.isFull = false
        network.advance(.seconds(10))
        #expect(a.outbound(to: b) != spi && b.inbound(from: a) == [a.outbound(to: b)])
    }

    /// By node b's clock, which was set back, the certificate that was renewed begins only later. What was proved before stands,
    /// on the connection and on the next one.
    @Test func whatBeginsLaterTakesNothingAway() throws {
        let (network, a, b) = try Simulation.connected()
        let spi = a.outbound(to: b)
        b.clockOffset = -20
        a.host([try a.workload(at: ["10.0.1.1"], lifetime: .seconds(3700))])
        network.settle()
        #expect(b.refusals == [.notYetValid])
        a.feed(.rekey, b.number)
        network.settle()
        #expect(b.refusals.count > 1 && Set(b.refusals) == [.notYetValid])
        #expect(a.outbound(to: b) == spi && b.inbound(from: a) == [spi] && b.bound(from: a) == ["10.0.1.1"])
        network.advance(.seconds(60))
        #expect(a.outbound(to: b) != spi && b.inbound(from: a) == [a.outbound(to: b)])
    }

    @Test func anotherNameOfTheFutureSparesNothing() throws {
        let (network, a, b) = try Simulation.connected()
        network.expectsContinuity = false
        b.clockOffset = -20
        a.host([try a.workload("other", web, at: ["10.0.1.1"], lifetime: .seconds(3700))])
        network.settle()
        a.feed(.rekey, b.number)
        network.settle()
        #expect(b.refusals.last == .identityMismatch && b.inbound(from: a).isEmpty && b.bound(from: a).isEmpty)
    }

    /// An older program does not know that reason: for it, it is a certificate that is none.
    @Test func olderProgramsHearNothingOfTime() throws {
        let network = try Simulation()
        network.expectsContinuity = false
        let a = try network.add("a", versions: LinkVersions.spoken(upTo: 1))
        let b = try network.add("b")
        network.publish()
        a.host([try a.workload(at: ["10.0.1.1"])])
        network.settle()
        b.clockOffset = -20
        a.feed(.rekey, b.number)
        network.settle()
        #expect(Set(b.refusals) == [.invalidSVID] && a.outbound(to: b) == nil)
        network.advance(.seconds(60))
        #expect(b.inbound(from: a) == [a.outbound(to: b)])
    }

    /// However often it was refused: a connection on which it is not announced would end what the peer has.
    @Test func whatIsRefusedIsAnnouncedOnEachConnection() throws {
        let (network, a, b) = try Simulation.connected()
        let spi = a.outbound(to: b)
        b.sink.isFull = true
        a.feed(.rekey, b.number)
        network.settle()
        for _ in 0..<6 {
            network.publish()
            network.settle()
        }
        let refused = b.refusals.count
        #expect(refused >= 5)
        a.feed(.rekey, b.number)
        network.settle()
        #expect(b.refusals.count == refused + 1)
        #expect(a.outbound(to: b) == spi && b.inbound(from: a) == [spi] && b.bound(from: a) == ["10.0.1.1"])
        b.sink.isFull = false
        network.advance(.seconds(60))
        #expect(a.outbound(to: b) != spi && b.inbound(from: a) == [a.outbound(to: b)])
    }

    @Test func aSenderWithoutRoomTriesAgain() throws {
        let (network, a, b) = try Simulation.pair()
        a.sink.refusesOutbound = true
        a.host([try a.workload(at: ["10.0.1.1"])])
        network.settle()
        #expect(a.outbound(to: b) == nil && b.inbound(from: a).count == 1)
        a.sink.refusesOutbound = false
        network.advance(.seconds(6))
        #expect(b.inbound(from: a) == [a.outbound(to: b)])
    }

    @Test func bindingsThatFailLeaveNothing() throws {
        let (network, a, b) = try Simulation.pair()
        b.sink.refusesBinding = true
        a.host([try a.workload(at: ["10.0.1.1"])])
        network.settle()
        #expect(b.sink.bindings.isEmpty && b.world.holdings.holder(of: "10.0.1.1") == nil)
        #expect(b.refusals == [.noRoom])
    }

    // MARK: What is said

    private func refusalsByPeer(_ node: SimulatedNode) -> [RefusalReason] {
        node.events.compactMap { if case .refusedByPeer(_, let reason, _) = $0 { reason } else { nil } }
    }

    /// As it is with each first pod of a node.
    @Test func nothingIsSaidWhenThePeersDirectoryIsLate() throws {
        let (network, a, b) = try Simulation.connected()
        network.directory.leases.append(Directory.Lease("10.0.9.9/32", a.number.rawValue))
        network.directory.revision += 1
        a.learn(network.directory)
        a.host([try a.workload(at: ["10.0.1.1", "10.0.9.9"])])
        network.settle()
        network.advance(.seconds(4))
        #expect(b.bound(from: a) == ["10.0.1.1"] && (a.peers[b.number]?.retries[web]?.failures ?? 0) > 2)
        b.learn(network.directory)
        network.advance(.seconds(60))
        #expect(b.bound(from: a) == ["10.0.1.1", "10.0.9.9"])
        #expect(b.refusals.isEmpty && refusalsByPeer(a).isEmpty)
    }

    @Test func whatStaysWrongIsSaidByBoth() throws {
        let (network, a, b) = try Simulation.connected(["10.0.1.1", "10.0.9.9"])
        network.advance(.milliseconds(4900))
        #expect(b.refusals.isEmpty && refusalsByPeer(a).isEmpty)
        network.advance(.milliseconds(200))
        #expect(b.events.last == .refused(web, .addressNotLeased, addresses: ["10.0.9.9"], detail: ""))
        network.advance(.seconds(5))
        #expect(a.events.last == .refusedByPeer(web, .addressNotLeased, addresses: ["10.0.9.9"]))
        network.advance(.seconds(120))
        #expect(b.refusals.count > 2 && refusalsByPeer(a).count > 2)
    }

    @Test func whatWasClaimedOnceIsSaidAllTheSame() throws {
        let (network, a, b) = try Simulation.connected(["10.0.9.9"])
        a.host([])
        network.advance(.seconds(60))
        #expect(b.refusals == [.addressNotLeased])
    }

    @Test func whatNoDirectoryExplainsIsSaidAtOnce() throws {
        let (_, a, b) = try Simulation.connected(["127.0.0.1"])
        #expect(b.refusals == [.addressForbidden] && refusalsByPeer(a) == [.addressForbidden])
    }

    @Test func refusalsToBeLookedAtAgainAreLimited() throws {
        var open = OpenRefusals()
        func refused(_ identity: UInt32, _ number: Int) -> OpenRefusals.Refused {
            let addresses = (0..<1024).map { IPAddress("10.\(number).\($0 / 256).\($0 % 256)")! }
            return OpenRefusals.Refused(
                identity: NumericIdentity(rawValue: identity), reason: .addressNotLeased, addresses: Set(addresses),
                since: BootNanoseconds(number))
        }
        let fit = [(300, 1), (300, 2), (300, 3), (301, 4)].map { open.add(refused($0.0, $0.1)) }
        let beyond = [(300, 5), (302, 5)].map { open.add(refused($0.0, $0.1)) }
        // The same once more needs no room, and is as old as it was.
        let again = open.add(refused(300, 3))
        #expect(fit == [true, true, true, true] && beyond == [false, false] && again && open.since == 1)
        let taken = open.take(until: 3)
        #expect(taken.map(\.addresses.count) == [3072] && open.since == 4)
        let afterwards = open.add(refused(302, 5))
        #expect(afterwards)
    }
}
