import Addressing
import Identity
import LinkTestSupport
import Testing

@testable import KeyAgreement

/// What is announced, moved, renewed and taken back on a connection.
@Suite struct HostingTests {
    // MARK: Addresses

    @Test func podsComeAndGo() throws {
        let (network, a, b) = try Simulation.pair()
        let workload = try a.workload(at: ["10.0.1.1"])
        a.host([workload])
        network.settle()
        let spi = a.outbound(to: b)
        for addresses: Set<IPAddress> in [["10.0.1.1", "10.0.1.2"], ["10.0.1.2"], ["10.0.1.3", "10.0.1.4"]] {
            a.host([try #require(HostedWorkload(svid: workload.svid, addresses: addresses))])
            network.settle()
            #expect(b.bound(from: a) == addresses.sorted())
            #expect(a.peers[b.number]?.acknowledgedRevision == a.world.hostingRevision)
        }
        #expect(a.outbound(to: b) == spi && b.inbound(from: a) == [spi])
    }

    @Test func theSAEndsWithTheLastPod() throws {
        let (network, a, b) = try Simulation.connected()
        a.host([])
        // Not even until the peer has answered.
        #expect(a.outbound(to: b) == nil)
        network.settle()
        #expect(b.sink.inbound.isEmpty && b.sink.bindings.isEmpty)
        #expect(b.saw { $0 == .withdrawn(web, .withdrawn) })
        #expect(a.peers[b.number]?.link?.outgoing.count == 0)
        a.host([try a.workload(at: ["10.0.1.1"])])
        network.settle()
        #expect(b.inbound(from: a) == [a.outbound(to: b)] && b.bound(from: a) == ["10.0.1.1"])
    }

    @Test func withdrawnWhileAcceptanceIsOnItsWay() throws {
        let (network, a, b) = try Simulation.pair()
        a.host([])
        b.host([])
        network.settle()
        a.host([try a.workload(at: ["10.0.1.1"])])
        let wire = try #require(network.wires.first)
        network.deliver(wire, to: .server)
        a.host([])
        network.settle()
        #expect(a.sink.outbound.isEmpty && b.sink.inbound.isEmpty && b.sink.bindings.isEmpty)
        #expect(a.links.count == 1 && b.links.count == 1)
    }

    @Test func changesWhileOneIsUnderWay() throws {
        let (network, a, b) = try Simulation.connected()
        let svid = try a.workload(at: ["10.0.1.1"]).svid
        for last in 1...40 {
            a.host([try #require(HostedWorkload(svid: svid, addresses: [IPAddress("10.0.1.\(last)")!]))])
            if let (wire, role) = network.deliverable.randomElement() { network.deliver(wire, to: role) }
        }
        network.settle()
        #expect(b.bound(from: a) == ["10.0.1.40"] && b.inbound(from: a) == [a.outbound(to: b)])
    }

    // MARK: Renewal

    @Test func aRenewedSVIDMovesTheDeadlineOnly() throws {
        let (network, a, b) = try Simulation.pair(epoch: .seconds(36000))
        a.host([try a.workload(at: ["10.0.1.1"], lifetime: .seconds(600))])
        network.settle()
        let spi = try #require(a.outbound(to: b))
        let before = try #require(b.sink.inboundDeadlines[spi])
        a.host([try a.workload(at: ["10.0.1.1"], lifetime: .seconds(1800))])
        network.settle()
        #expect(a.outbound(to: b) == spi && b.inbound(from: a) == [spi])
        let after = try #require(b.sink.inboundDeadlines[spi])
        #expect(after == before + 1_200_000_000_000)
        #expect(a.sink.outboundDeadlines[.init(peer: b.number, identity: web)] == after)
        // And the next update is signed by the new key.
        a.host([try a.workload(at: ["10.0.1.2"], lifetime: .seconds(2000))])
        network.settle()
        #expect(b.bound(from: a) == ["10.0.1.2"])
    }

    @Test func anSVIDThatEndsTakesItsSAWithIt() throws {
        let (network, a, b) = try Simulation.pair()
        a.host([try a.workload(at: ["10.0.1.1"], lifetime: .seconds(300))])
        network.settle()
        network.expectsContinuity = false
        network.advance(.seconds(290))
        #expect(a.outbound(to: b) != nil)
        network.advance(.seconds(20))
        #expect(a.outbound(to: b) == nil && b.sink.inbound.isEmpty && b.sink.bindings.isEmpty)
        a.host([try a.workload(at: ["10.0.1.1"], lifetime: .seconds(3600))])
        network.advance(.seconds(60))
        #expect(b.inbound(from: a) == [a.outbound(to: b)])
    }

    // MARK: The directory and the bundle change

    @Test func addressesFollowTheNewestLease() throws {
        let (network, a, b) = try Simulation.connected(["10.0.1.1", "10.0.1.2"])
        let c = try network.add("c")
        network.publish()
        c.host([try c.workload("db", db, at: ["10.0.1.2"])])
        network.settle()
        #expect(b.bound(from: a) == ["10.0.1.1", "10.0.1.2"])
        network.directory.leases.append(Directory.Lease("10.0.1.2/32", c.number.rawValue, generation: 2))
        network.publish()
        network.settle()
        network.advance(.seconds(31))
        #expect(b.bound(from: a) == ["10.0.1.1"] && b.bound(from: c, db) == ["10.0.1.2"])
        // And back again.
        network.directory.leases.append(Directory.Lease("10.0.1.2/32", a.number.rawValue, generation: 3))
        network.publish()
        network.settle()
        network.advance(.seconds(31))
        #expect(b.bound(from: a) == ["10.0.1.1", "10.0.1.2"] && b.bound(from: c, db).isEmpty)
    }

    @Test func aNumberThatMovesToAnotherNameIsTakenBack() throws {
        let (network, a, b) = try Simulation.connected()
        network.expectsContinuity = false
        network.directory.workloads = [
            Directory.Workload(number: web, id: try network.domain.id("/ns/shop/sa/other"), labels: [:])
        ]
        network.publish()
        network.settle()
        #expect(b.sink.inbound.isEmpty && b.sink.bindings.isEmpty && a.outbound(to: b) == nil)
        #expect(b.saw { $0 == .withdrawn(web, .identityMismatch) })
    }

    @Test func aLostRootTakesAllThatRestsOnIt() throws {
        let (network, a, b) = try Simulation.connected()
        network.expectsContinuity = false
        let other = try TestDomain()
        let lost = b.world.take(other.bundle)
        #expect(lost)
        b.feed(.trustChanged(rootsLost: lost), a.number)
        network.settle()
        #expect(b.sink.inbound.isEmpty && b.sink.outbound.isEmpty && b.sink.bindings.isEmpty)
        #expect(b.saw { if case .withdrawn(web, .notTrusted(.unknownAuthority)) = $0 { true } else { false } })
        #expect(a.outbound(to: b) == nil)
    }

    @Test func aClockThatIsBehindTakesNothingWhenRootsChange() throws {
        let (network, a, b) = try Simulation.connected()
        let spi = b.inbound(from: a)
        b.clockOffset = -3600
        b.feed(.trustChanged(rootsLost: false), a.number)
        network.settle()
        #expect(b.inbound(from: a) == spi && b.links.count == 1)
    }

    @Test func aRootThatComesTakesNothing() throws {
        let (network, a, b) = try Simulation.connected()
        let wider = try TrustBundle(
            trustDomain: network.domain.name,
            authorities: network.domain.bundle.authorities + TestDomain().bundle.authorities, sequence: 2)
        let spi = b.inbound(from: a)
        let lost = b.world.take(wider)
        #expect(!lost)
        b.feed(.trustChanged(rootsLost: lost), a.number)
        network.settle()
        #expect(b.inbound(from: a) == spi && b.links.count == 1)
    }

    @Test func whatAnEarlierRunLeftGoesWithTheFirstRootThatDoes() throws {
        let (network, a, b) = try Simulation.connected()
        network.expectsContinuity = false
        network.unreachable = [a.number, b.number]
        b.restart()
        network.settle()
        #expect(b.inbound(from: a).count == 1)
        b.feed(.trustChanged(rootsLost: false), a.number)
        #expect(b.inbound(from: a).count == 1)
        b.feed(.trustChanged(rootsLost: true), a.number)
        #expect(b.inbound(from: a).isEmpty && b.bound(from: a).isEmpty)
    }

    // MARK: Quarantine

    @Test func anAddressPassesOnOnlyWhenPeersKnow() throws {
        let (network, a, b) = try Simulation.connected()
        let next = try a.workload("db", db, at: ["10.0.1.1"])
        a.host([next])
        #expect(a.world.quarantined == ["10.0.1.1"])
        #expect(a.peers[b.number]?.link?.outgoing.ids[db] == nil)
        network.settle()
        #expect(a.world.quarantined.isEmpty)
        #expect(b.bound(from: a, db) == ["10.0.1.1"] && b.bound(from: a, web).isEmpty)
        #expect(b.inbound(from: a, db) == [a.outbound(to: b, db)])
    }

    /// What b sealed for web before it knew may still be on its way: with keys that a gives up first.
    @Test func anAddressPassesOnOnlyWhenNothingOlderOpens() throws {
        let (network, a, b) = try Simulation.pair()
        a.host([try a.workload(at: ["10.0.1.1"])])
        b.host([try b.workload("client", .init(rawValue: 400), at: ["10.0.2.1"])])
        network.settle()
        let older = a.inbound(from: b, .init(rawValue: 400))
        a.host([])
        network.settle()
        #expect(a.peers[b.number]?.acknowledgedRevision == a.world.hostingRevision)
        // Nobody wants the address: nothing is done for it.
        network.advance(.seconds(60))
        #expect(a.inbound(from: b, .init(rawValue: 400)) == older)
        a.host([try a.workload("db", db, at: ["10.0.1.1"])])
        network.settle()
        #expect(a.world.quarantined == ["10.0.1.1"])
        #expect(Set(a.inbound(from: b, .init(rawValue: 400))).isSuperset(of: older))
        network.advance(.seconds(3))
        #expect(a.world.quarantined.isEmpty && b.bound(from: a, db) == ["10.0.1.1"])
        #expect(Set(a.inbound(from: b, .init(rawValue: 400))).isDisjoint(with: older))
    }

    @Test func aPeerThatIsAwayHoldsAnAddressUntilItsSAsAreDead() throws {
        let (network, a, b) = try Simulation.pair(epoch: .seconds(600))
        let c = try network.add("c")
        network.publish()
        a.host([try a.workload(at: ["10.0.1.1"])])
        for node in [b, c] {
            node.host([
                try node.workload(
                    "x\(node.name)", .init(rawValue: 400 + node.number.rawValue),
                    at: [IPAddress("10.0.\(node.number).1")!])
            ])
        }
        network.settle()
        #expect(a.sink.inbound.count == 2)
        network.expectsContinuity = false
        network.unreachable = [a.number, b.number]
        network.drop { $0.contains(b) }
        network.settle()
        a.host([try a.workload("db", db, at: ["10.0.1.1"])])
        network.settle()
        // c knows, b may still send.
        #expect(a.world.quarantined == ["10.0.1.1"] && c.bound(from: a, web).isEmpty && c.bound(from: a, db).isEmpty)
        network.advance(.seconds(1201))
        #expect(a.world.quarantined.isEmpty && c.bound(from: a, db) == ["10.0.1.1"])
    }

    @Test func theSameWorkloadMayHaveItsAddressBack() throws {
        let (network, a, b) = try Simulation.connected()
        network.unreachable = [a.number, b.number]
        network.drop()
        network.settle()
        a.host([])
        a.host([try a.workload(at: ["10.0.1.1"])])
        #expect(a.world.quarantined.isEmpty)
    }

    /// The pod has gone while the daemon was down; its address is another's when it is back.
    @Test func anAddressOfAnEarlierRunPassesOnOnlyWhenPeersKnow() throws {
        let (network, a, b) = try Simulation.connected()
        b.host([try b.workload("x", .init(rawValue: 400), at: ["10.0.2.1"])])
        network.settle()
        a.restart()
        a.world.inherit([FormerHolding(address: "10.0.1.1", identity: web)])
        a.host([try a.workload("db", db, at: ["10.0.1.1"])])
        #expect(a.world.quarantined == ["10.0.1.1"])
        #expect(a.world.released == [FormerHolding(address: "10.0.1.1", identity: web)])
        network.settle()
        #expect(b.bound(from: a, web).isEmpty && a.world.quarantined == ["10.0.1.1"])
        // What b sealed before it knew is opened no more.
        network.advance(.seconds(5))
        #expect(a.world.quarantined.isEmpty && a.world.released.isEmpty)
        #expect(b.bound(from: a, db) == ["10.0.1.1"] && b.bound(from: a, web).isEmpty)
    }

    @Test func whatIsHostedStillIsNoFormerHolding() throws {
        let (network, a, b) = try Simulation.connected()
        b.host([try b.workload("x", .init(rawValue: 400), at: ["10.0.2.1"])])
        network.settle()
        let workload = try a.workload(at: ["10.0.1.1"])
        a.restart()
        a.world.inherit([FormerHolding(address: "10.0.1.1", identity: web)])
        a.host([workload])
        #expect(a.world.quarantined.isEmpty && a.world.released.isEmpty)
        // Only once: what was told since counts.
        a.host([])
        #expect(a.world.released == [FormerHolding(address: "10.0.1.1", identity: web)])
    }

    // MARK: What a peer may not do

    /// Messages of a peer that breaks the rules, and what becomes of the connection.
    @Test(arguments: [
        LinkMessage.accept(Acceptance(id: 9, spi: SPI(rawValue: 500), nonce: Array(repeating: 0, count: 32))),
        .acknowledge(id: 9, generation: 1), .withdrawn(id: 9), .completed, .complete, .kemOffer([]), .confirm([]),
        .acknowledge(id: 1, generation: 1), .withdrawn(id: 1),
        .accept(Acceptance(id: 1, spi: SPI(rawValue: 501), nonce: Array(repeating: 0, count: 32))),
    ])
    func answersToNothingEndTheConnection(_ message: LinkMessage) throws {
        let (network, a, b) = try Simulation.connected()
        let link = try #require(a.links.first)
        network.unreachable = [a.number, b.number]
        a.feed(.received(link, message), b.number)
        #expect(a.links.isEmpty)
        #expect(a.saw { $0 == .linkLost(.unexpectedMessage(type: message.type)) })
        network.settle()
        #expect(b.saw { $0 == .linkLost(.peerClosed(.protocolError)) })
        // SAs stay: breaking a connection must not cut traffic.
        #expect(a.outbound(to: b) != nil)
    }

    @Test func anSPIIsNotTakenTwice() throws {
        let (network, a, b) = try Simulation.connected()
        let spi = try #require(a.outbound(to: b))
        network.unreachable = [a.number, b.number]
        a.host([
            try a.workload(at: ["10.0.1.1"], lifetime: .seconds(3600)), try a.workload("db", db, at: ["10.0.1.2"]),
        ])
        let link = try #require(a.links.first)
        let nonce = [UInt8](repeating: 0, count: 32)
        a.feed(.received(link, .accept(Acceptance(id: 2, spi: spi, nonce: nonce))), b.number)
        #expect(a.saw { $0 == .linkLost(.repeatedSPI(spi)) })
    }

    @Test func announcementIDsOnlyGrow() throws {
        let (network, a, b) = try Simulation.connected()
        let link = try #require(b.links.first)
        network.unreachable = [a.number, b.number]
        let announce = Announce(
            id: 1, chain: [], addresses: [], nonce: Array(repeating: 0, count: 32), signature: [])
        b.feed(.received(link, .announce(announce)), a.number)
        #expect(b.saw { $0 == .linkLost(.badAnnouncementID(1)) })
    }

    @Test func refusalsAreLimited() throws {
        let (network, a, b) = try Simulation.connected()
        let link = try #require(b.links.first)
        network.unreachable = [a.number, b.number]
        for generation in 1...UInt32(LinkLimits.refusalsPerConnection) {
            b.peers[a.number]?.receiveUpdateForTest(link, generation, b)
            if b.links.isEmpty {
                Issue.record("ended after \(generation)")
                return
            }
        }
        b.peers[a.number]?.receiveUpdateForTest(link, 1, b)
        #expect(b.links.isEmpty)
    }

    @Test func liveAnnouncementsAreLimited() throws {
        var incoming = IncomingAnnouncements()
        for id in 1...UInt32(LinkLimits.announcementsPerConnection) {
            try incoming.admit(id)
            incoming.accept(id, .init(identity: NumericIdentity(rawValue: 1000 + id), spi: SPI(rawValue: 1000 + id)))
        }
        #expect(throws: LinkFailure.tooManyAnnouncements) { try incoming.admit(5000) }
        incoming.remove(17)
        #expect(throws: LinkFailure.badAnnouncementID(5000)) { try incoming.admit(5000) }
        try incoming.admit(5001)
    }

    /// The sender uses an SA and could not say so: what it has left before goes first. The simulation checks at each step
    /// that it is not alone.
    @Test func whatTheSenderMayBeUsingGoesLast() throws {
        let (network, a, b) = try Simulation.connected()
        for round in 0..<12 {
            network.tamper = round % 4 == 3 ? { _, _, frame in frame[4] == 24 ? nil : frame } : nil
            a.feed(.rekey, b.number)
            network.settle()
        }
        #expect(b.inbound(from: a).count <= LinkLimits.associationsPerWorkload)
    }

    /// The kernel knows which of the SAs of an earlier run its sender uses; there are as many as there may be.
    @Test(arguments: 0..<20) func theOneInUseOutlivesARestart(_: Int) throws {
        let (network, a, b) = try Simulation.connected()
        network.hasTraffic = true
        for _ in 0..<6 {
            a.feed(.rekey, b.number)
            network.settle()
        }
        #expect(b.inbound(from: a).count == LinkLimits.associationsPerWorkload)
        b.restart()
        b.host([])
        // At each step the simulation checks that what a seals can be opened.
        network.settle()
        network.advance(.seconds(5))
        #expect(b.inbound(from: a) == [a.outbound(to: b)])
    }

    @Test func manyConnectionsOfOnePeerKeepFewSAs() throws {
        let (network, a, b) = try Simulation.connected()
        // The sender never learns of an acceptance.
        network.tamper = { wire, role, frame in role == .client && frame[4] == 17 ? nil : frame }
        for _ in 0..<12 {
            a.feed(.rekey, b.number)
            network.settle()
        }
        #expect(b.inbound(from: a).count == LinkLimits.associationsPerWorkload)
        network.tamper = nil
        a.feed(.rekey, b.number)
        network.settle()
        network.advance(.seconds(5))
        #expect(b.inbound(from: a) == [a.outbound(to: b)])
    }
}

extension LinkPeer {
    /// An update of nothing that was announced.
    fileprivate mutating func receiveUpdateForTest(_ link: ConnectionID, _ generation: UInt32, _ node: SimulatedNode) {
        let update = AddressUpdate(id: 77, generation: generation, addresses: [], signature: [])
        _ = handle(.received(link, .addresses(update)), at: node.network.now, in: &node.world)
    }
}
