import Addressing
import Identity
import LinkTestSupport
import RandomTestSupport
import Testing

@testable import KeyAgreement

let web = NumericIdentity(rawValue: 300)
let db = NumericIdentity(rawValue: 301)

extension SimulatedNode {
    /// Hosts the workload at these addresses, under a certificate of its own.
    func workload(
        _ account: String = "web", _ number: NumericIdentity = web, at addresses: Set<IPAddress>,
        lifetime: Duration = .seconds(3600)
    ) throws -> HostedWorkload {
        let svid = try network.domain.workload(account, number: number.rawValue, on: id, lifetime: lifetime)
        return try #require(HostedWorkload(svid: svid, addresses: addresses))
    }

    var links: [ConnectionID] { peers.values.compactMap(\.linkID) }
    func epoch(with node: SimulatedNode) -> EpochID? { peers[node.number]?.link?.epoch.id }
    func inbound(from node: SimulatedNode, _ identity: NumericIdentity = web) -> [SPI] {
        sink.inbound.values.filter { $0.peer == node.number && $0.identity == identity }.map(\.spi)
    }
    func outbound(to node: SimulatedNode, _ identity: NumericIdentity = web) -> SPI? {
        sink.outbound[.init(peer: node.number, identity: identity)]?.spi
    }
    func bound(from node: SimulatedNode, _ identity: NumericIdentity = web) -> [IPAddress] {
        sink.addresses(of: .init(peer: node.number, identity: identity))
    }
    func saw(_ matches: (LinkEvent) -> Bool) -> Bool { events.contains(where: matches) }
}

extension Simulation {
    /// Two nodes with a connection, each of which hosts a workload.
    static func established(
        epoch: Duration = .seconds(3600)
    ) throws -> (Simulation, SimulatedNode, SimulatedNode) {
        let (network, a, b) = try pair(epoch: epoch)
        a.host([try a.workload("web", web, at: ["10.0.1.1"])])
        b.host([try b.workload("db", db, at: ["10.0.2.1", "10.0.2.2"])])
        network.settle()
        return (network, a, b)
    }
}

/// Two nodes from first contact to their goodbye.
@Suite struct PeerTests {
    @Test func bothEndsHoldTheSameKeys() throws {
        let (network, a, b) = try Simulation.established()
        #expect(network.wires.count == 1)
        #expect(a.epoch(with: b) != nil && a.epoch(with: b) == b.epoch(with: a))
        #expect(a.outbound(to: b, web) != nil && b.inbound(from: a, web) == [a.outbound(to: b, web)])
        #expect(a.inbound(from: b, db) == [b.outbound(to: a, db)])
        #expect(b.bound(from: a, web) == ["10.0.1.1"] && a.bound(from: b, db) == ["10.0.2.1", "10.0.2.2"])
        #expect(a.peers[b.number]?.status.state == .established)
        #expect(a.peers[b.number]?.acknowledgedRevision == 1)
        // Each direction has a key of its own.
        let keys = Set([a, b].flatMap { $0.sink.outbound.values.map(\.key.copy) })
        #expect(keys.count == 2)
    }

    @Test func theSmallerNameDials() throws {
        let (network, a, b) = try Simulation.pair()
        #expect(network.wires.count == 1 && network.wires[0].client.node === a)
        network.settle()
        #expect(b.peers[a.number]?.status.epoch?.role == .server)
    }

    @Test func theLargerDialsWhenNobodyElseDoes() throws {
        let (network, a, b) = try Simulation.pair()
        network.wires = []
        network.unreachable = [b.number]
        network.advance(.seconds(4))
        #expect(a.links.isEmpty)
        network.advance(.seconds(2))
        #expect(a.links.count == 1 && b.peers[a.number]?.status.epoch?.role == .client)
    }

    @Test func nothingIsDialledUnasked() throws {
        let (network, a, b) = try Simulation.pair(preconnect: false)
        network.advance(.seconds(100))
        #expect(network.wires.isEmpty)
        b.feed(.trafficWaits, a.number)
        network.settle()
        #expect(a.links.count == 1 && b.peers[a.number]?.status.epoch?.role == .client)
    }

    @Test func nothingIsAnnouncedBeforeHostingIsKnown() throws {
        let (network, a, b) = try Simulation.pair()
        b.host([try b.workload("db", db, at: ["10.0.2.1"])])
        network.settle()
        #expect(a.inbound(from: b, db).count == 1)
        #expect(a.peers[b.number]?.link?.outgoing.isCompleteSent == false)
        a.host([try a.workload(at: ["10.0.1.1"])])
        network.settle()
        #expect(b.inbound(from: a).count == 1)
    }

    @Test func whereThePeerIsIsToldUntilItIsTaken() throws {
        let network = try Simulation()
        let a = try network.add("a")
        let b = try network.add("b")
        network.unreachable = [a.number, b.number]
        a.sink.hasNoRoute = true
        network.publish()
        network.advance(.seconds(20))
        #expect(a.sink.peers.isEmpty && b.sink.peers == [a.number])
        a.sink.hasNoRoute = false
        network.advance(.seconds(5))
        #expect(a.sink.peers == [b.number])
    }

    // MARK: Crossing

    /// Whatever the order in which messages arrive, one connection and one epoch remain.
    @Test(arguments: 0..<64)
    func crossedDialsBecomeOneConnection(_ seed: UInt64) throws {
        var generator = SplitMix(seed: seed)
        let (network, a, b) = try Simulation.pair()
        a.host([try a.workload("web", web, at: ["10.0.1.1"])])
        b.host([try b.workload("db", db, at: ["10.0.2.1"])])
        b.feed(.trafficWaits, a.number)
        #expect(network.wires.count == 2)
        network.settle(&generator)
        #expect(network.wires.count == 1)
        #expect(a.epoch(with: b) != nil && a.epoch(with: b) == b.epoch(with: a))
        #expect(a.outbound(to: b, web) != nil && b.outbound(to: a, db) != nil)
        network.advance(.seconds(60))
        #expect(network.wires.count == 1)
    }

    @Test(arguments: 0..<32)
    func crossedRekeysLoseNothing(_ seed: UInt64) throws {
        var generator = SplitMix(seed: seed)
        let (network, a, b) = try Simulation.established()
        let before = a.epoch(with: b)
        a.feed(.rekey, b.number)
        b.feed(.rekey, a.number)
        network.settle(&generator)
        network.advance(.seconds(10))
        #expect(network.wires.count == 1)
        #expect(a.epoch(with: b) != before && a.epoch(with: b) == b.epoch(with: a))
        #expect(b.inbound(from: a) == [a.outbound(to: b)])
        #expect(a.inbound(from: b, db) == [b.outbound(to: a, db)])
    }

    // MARK: Rekey

    /// The invariant of the simulation is checked at each of these steps.
    @Test func manyRekeysNeverLeaveASenderAlone() throws {
        let (network, a, b) = try Simulation.established()
        var seen: Set<[UInt8]> = []
        for round in 0..<200 {
            (round % 3 == 0 ? b : a).feed(.rekey, (round % 3 == 0 ? a : b).number)
            network.settle()
            network.advance(.seconds(3))
            let sa = try #require(a.sink.outbound.values.first)
            #expect(seen.insert(sa.key.copy).inserted)
            #expect(b.inbound(from: a) == [sa.spi])
        }
        #expect(b.bound(from: a) == ["10.0.1.1"])
    }

    @Test func epochsAreRenewedInTime() throws {
        let (network, a, b) = try Simulation.established(epoch: .seconds(60))
        var epochs: Set<EpochID> = []
        for _ in 0..<10 {
            network.advance(.seconds(60))
            epochs.insert(try #require(a.epoch(with: b)))
            #expect(b.inbound(from: a).contains(try #require(a.outbound(to: b))))
        }
        #expect(epochs.count == 10)
        #expect(b.peers[a.number]?.status.epoch?.role != a.peers[b.number]?.status.epoch?.role)
    }

    /// Whichever end dials, and once only.
    @Test(arguments: [true, false])
    func wornKeysAreRenewed(_ isDialer: Bool) throws {
        let (network, a, b) = try Simulation.established()
        let (sender, receiver, identity) = isDialer ? (a, b, web) : (b, a, db)
        let old = try #require(sender.outbound(to: receiver, identity))
        let epoch = sender.epoch(with: receiver)
        sender.feed(.worn(identity, old), receiver.number)
        sender.feed(.worn(identity, old), receiver.number)
        network.settle()
        network.advance(.seconds(10))
        let new = try #require(sender.outbound(to: receiver, identity))
        #expect(new != old && sender.epoch(with: receiver) != epoch)
        #expect(sender.events.count { $0 == .worn(identity, old) } == 1)
        // What is told late is about a key that nobody uses.
        sender.feed(.worn(identity, old), receiver.number)
        network.settle()
        #expect(sender.outbound(to: receiver, identity) == new)
        #expect(sender.events.count { $0 == .worn(identity, old) } == 1)
    }

    /// What `worn` asks for is tried no more often than any other connection.
    @Test func wornKeysDoNotHurryAPeerThatIsAway() throws {
        let (network, a, b) = try Simulation.established()
        network.unreachable = [b.number]
        let spi = try #require(a.outbound(to: b))
        for _ in 0..<100 {
            a.feed(.worn(web, spi), b.number)
            network.advance(.milliseconds(100))
        }
        let failures = a.events.count { if case .dialFailed = $0 { true } else { false } }
        #expect((3...6).contains(failures))
        #expect(a.outbound(to: b) == spi)
    }

    /// After a sleep of the machine all keys have ended, and so has the epoch.
    @Test func aMachineThatSleptBeginsAnew() throws {
        let (network, a, b) = try Simulation.established(epoch: .seconds(600))
        let before = a.epoch(with: b)
        network.expectsContinuity = false
        network.sleep(.seconds(1800))
        // Nothing has told the machines; the first packet that finds its key ended does.
        a.feed(.trafficWaits, b.number)
        a.feed(.tick, b.number)
        network.settle()
        network.advance(.seconds(1))
        network.expectsContinuity = true
        network.advance(.seconds(10))
        #expect(a.epoch(with: b) != before && a.epoch(with: b) == b.epoch(with: a))
        #expect(b.inbound(from: a) == [a.outbound(to: b)] && a.inbound(from: b, db) == [b.outbound(to: a, db)])
    }

    /// Deadlines count boot time: while all certificates stay valid, a step of the clock changes nothing.
    @Test(arguments: [Int64(-5), 3000])
    func stepsOfTheClockMoveNoDeadline(_ seconds: Int64) throws {
        let (network, a, b) = try Simulation.established()
        let spi = try #require(a.outbound(to: b))
        let deadline = b.sink.inboundDeadlines[spi]
        network.clockOffset = seconds
        for node in [a, b] { node.feedAll(.tick) }
        network.settle()
        #expect(network.wires.count == 1)
        #expect(a.outbound(to: b) == spi && b.inbound(from: a) == [spi] && b.sink.inboundDeadlines[spi] == deadline)
        a.feed(.rekey, b.number)
        network.settle()
        #expect(a.outbound(to: b) != spi)
    }

    /// A clock that is set far ahead ends connections and no SA; set right again, they come back.
    @Test func aWrongClockCostsNoPacket() throws {
        let (network, a, b) = try Simulation.established()
        let spi = try #require(a.outbound(to: b))
        network.unreachable = [a.number, b.number]
        network.clockOffset = 100_000
        for node in [a, b] { node.feedAll(.tick) }
        network.settle()
        #expect(a.links.isEmpty && b.links.isEmpty)
        #expect(a.outbound(to: b) == spi && b.inbound(from: a) == [spi])
        network.clockOffset = 0
        network.unreachable = []
        network.advance(.seconds(40))
        #expect(a.epoch(with: b) != nil && b.inbound(from: a) == [a.outbound(to: b)])
    }

    @Test func theOldSAStaysForPacketsOnTheirWay() throws {
        let (network, a, b) = try Simulation.established()
        let old = try #require(a.outbound(to: b))
        a.feed(.rekey, b.number)
        network.settle()
        #expect(a.outbound(to: b) != old)
        let new = try #require(a.outbound(to: b))
        #expect(Set(b.inbound(from: a)) == [old, new])
        network.advance(.seconds(3))
        #expect(b.inbound(from: a) == [new])
    }

    /// The acceptance got lost with its connection: which SA the sender uses shows the first packet.
    @Test func anUnsureReceiverLooksForPackets() throws {
        let (network, a, b) = try Simulation.established()
        let old = try #require(a.outbound(to: b))
        a.feed(.rekey, b.number)
        // All but what says that the sender has switched.
        network.tamper = { wire, role, frame in role == .server && frame[4] == 24 ? nil : frame }
        network.settle()
        network.unreachable = [a.number, b.number]
        network.drop()
        network.settle()
        let new = try #require(a.outbound(to: b))
        #expect(new != old && b.inbound(from: a).count == 2)
        network.advance(.seconds(30))
        #expect(b.inbound(from: a).count == 2)
        b.sink.heard = [new]
        network.advance(.seconds(30))
        #expect(b.inbound(from: a) == [new])
    }

    @Test func deadlinesAreTwiceTheEpochAndNoLongerThanTheCertificates() throws {
        let (network, a, b) = try Simulation.pair(epoch: .seconds(600))
        a.host([
            try a.workload("web", web, at: ["10.0.1.1"], lifetime: .seconds(900)),
            try a.workload("db", db, at: ["10.0.1.2"], lifetime: .seconds(3600)),
        ])
        network.settle()
        let start = network.now.boot
        for (identity, seconds) in [(web, UInt64(900)), (db, 1200)] {
            let spi = try #require(a.outbound(to: b, identity))
            for deadline in [
                b.sink.inboundDeadlines[spi], a.sink.outboundDeadlines[.init(peer: b.number, identity: identity)],
            ] {
                // Certificates are issued at whole seconds.
                let left = (try #require(deadline) - start) / 1_000_000_000
                #expect((seconds - 2...seconds).contains(left))
            }
        }
    }

    // MARK: Loss

    @Test func losingTheConnectionRemovesNothing() throws {
        let (network, a, b) = try Simulation.established()
        let (spi, epoch) = (a.outbound(to: b), a.epoch(with: b))
        network.unreachable = [a.number, b.number]
        network.drop()
        network.settle()
        network.advance(.seconds(120))
        #expect(a.links.isEmpty && a.outbound(to: b) == spi && b.inbound(from: a) == [spi])
        #expect(a.peers[b.number]?.status.state == .lost || a.peers[b.number]?.status.state == .connecting)
        network.unreachable = []
        network.advance(.seconds(60))
        #expect(a.epoch(with: b) != nil && a.epoch(with: b) != epoch)
        #expect(b.inbound(from: a) == [a.outbound(to: b)] && a.outbound(to: b) != spi)
    }

    /// Half a minute, and with short epochs no more than a quarter of one.
    @Test(arguments: [(3600, 30), (20, 5), (10, 2.5)])
    func backOffDoublesToItsLimit(epoch: Int, limit: Double) throws {
        let (network, a, b) = try Simulation.pair(epoch: .seconds(epoch))
        network.wires = []
        network.unreachable = [a.number, b.number]
        a.peers[b.number]?.attempts = [:]
        var dials: [UInt64] = []
        for _ in 0..<1200 {
            network.advance(.milliseconds(100))
            let failures = a.events.filter { if case .dialFailed = $0 { true } else { false } }.count
            if failures > dials.count { dials.append(network.elapsed) }
        }
        let gaps = zip(dials, dials.dropFirst()).map { Double($1 - $0) / 1e9 }
        #expect(gaps.count >= 7)
        for (index, gap) in gaps.enumerated() {
            let expected = min(0.5 * Double(1 << min(index, 8)), limit)
            // Looked at every tenth of a second.
            #expect(gap > expected * 0.75 - 0.101 && gap < expected * 1.25 + 0.101, "gap \(index) is \(gap)")
        }
    }

    @Test func silenceEndsAConnection() throws {
        let (network, a, b) = try Simulation.established()
        network.tamper = { _, _, _ in nil }
        network.unreachable = [a.number, b.number]
        network.advance(.seconds(44))
        #expect(a.links.count == 1)
        network.advance(.seconds(2))
        #expect(a.links.isEmpty && a.saw { $0 == .linkLost(.silent) })
        #expect(a.outbound(to: b) != nil)
    }

    @Test func pingsKeepAnIdleConnection() throws {
        let (network, a, b) = try Simulation.established()
        let epoch = a.epoch(with: b)
        network.advance(.seconds(600))
        #expect(a.epoch(with: b) == epoch)
    }

    @Test func handshakesHaveTheirTime() throws {
        let (network, a, b) = try Simulation.pair()
        network.tamper = { _, _, _ in nil }
        network.settle()
        network.advance(.seconds(9))
        #expect(a.peers[b.number]?.attempts.isEmpty == false)
        network.unreachable = [a.number, b.number]
        network.advance(.seconds(2))
        #expect(a.saw { $0 == .dialFailed(.handshakeTimedOut) })
    }

    @Test func deadSAsAreRemoved() throws {
        let (network, a, b) = try Simulation.established(epoch: .seconds(60))
        network.expectsContinuity = false
        network.unreachable = [a.number, b.number]
        network.drop()
        network.settle()
        network.advance(.seconds(119))
        #expect(a.outbound(to: b) != nil && b.inbound(from: a).count == 1)
        network.advance(.seconds(2))
        #expect(a.outbound(to: b) == nil && b.inbound(from: a).isEmpty && b.bound(from: a).isEmpty)
        #expect(b.saw { $0 == .withdrawn(web, .expired) })
    }
}
