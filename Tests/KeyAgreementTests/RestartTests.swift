import Identity
import LinkTestSupport
import RandomTestSupport
import Testing

@testable import KeyAgreement

/// What becomes of a session when one of its nodes starts anew, reboots, leaves or says goodbye.
@Suite struct RestartTests {
    enum Side: CaseIterable {
        case asks, answers
    }

    /// Either daemon starts anew after each step of a rekey, the last included, whatever the order of the steps; in the end
    /// all is as before, under a new epoch.
    @Test(arguments: Side.allCases, 0..<8 as Range<UInt64>)
    func aRestartAtAnyStepKeepsTraffic(_ side: Side, _ seed: UInt64) throws {
        var steps = 0
        while try restart(side, after: steps, seed) { steps += 1 }
        #expect(steps >= 19)
    }

    /// False once there are no more than so many steps.
    private func restart(_ side: Side, after steps: Int, _ seed: UInt64) throws -> Bool {
        let (network, a, b) = try Simulation.established()
        let (web0, db0) = (try a.workload("web", web, at: ["10.0.1.1"]), try b.workload("db", db, at: ["10.0.2.1"]))
        a.feed(.rekey, b.number)
        var generator = SplitMix(seed: seed)
        for _ in 0..<steps {
            guard let (wire, role) = network.deliverable.randomElement(using: &generator) else { return false }
            network.deliver(wire, to: role)
        }
        let restarted = side == .asks ? a : b
        restarted.restart()
        #expect(a.outbound(to: b) != nil && b.outbound(to: a, db) != nil)
        network.settle()
        network.advance(.seconds(30))
        restarted.host([side == .asks ? web0 : db0])
        network.settle()
        network.advance(.seconds(10))
        #expect(a.epoch(with: b) != nil && a.epoch(with: b) == b.epoch(with: a))
        #expect(b.inbound(from: a) == [a.outbound(to: b)] && a.inbound(from: b, db) == [b.outbound(to: a, db)])
        #expect(b.bound(from: a) == ["10.0.1.1"])
        return true
    }

    @Test func whatIsNotHostedAnyMoreGoesAfterARestart() throws {
        let (network, a, b) = try Simulation.established()
        a.restart()
        network.settle()
        #expect(a.outbound(to: b) != nil && b.inbound(from: a).count == 1)
        a.host([])
        network.settle()
        #expect(a.outbound(to: b) == nil && b.inbound(from: a).isEmpty && b.bound(from: a).isEmpty)
        #expect(b.saw { $0 == .withdrawn(web, .notAnnounced) })
    }

    @Test func aRebootedPeersKeysAreForgotten() throws {
        let (network, a, b) = try Simulation.established()
        network.expectsContinuity = false
        let old = try #require(b.sink.outbound.values.first).key.copy
        a.reboot()
        network.settle()
        network.advance(.seconds(10))
        #expect(b.saw { $0 == .withdrawn(web, .peerRebooted) })
        #expect(b.inbound(from: a).isEmpty && b.sink.outbound.values.map(\.key.copy) != [old])
        #expect(a.inbound(from: b, db) == [b.outbound(to: a, db)])
    }

    @Test func aPeerThatLeavesTheDirectoryIsGone() throws {
        let (network, a, b) = try Simulation.established()
        network.expectsContinuity = false
        network.directory.nodes.removeAll { $0.number == a.number }
        network.publish()
        network.settle()
        #expect(b.sink.inbound.isEmpty && b.sink.outbound.isEmpty && b.sink.bindings.isEmpty && b.sink.peers.isEmpty)
        #expect(b.saw { $0 == .withdrawn(web, .peerRemoved) })
        // It cannot come back by itself.
        network.advance(.seconds(60))
        #expect(b.links.isEmpty)
    }

    @Test func stoppingTellsThePeerAndRemovesNothing() throws {
        let (network, a, b) = try Simulation.established()
        network.unreachable = [a.number]
        a.feed(.stopped, b.number)
        network.settle()
        #expect(b.saw { $0 == .linkLost(.peerClosed(.shutdown)) })
        #expect(a.outbound(to: b) != nil && b.inbound(from: a).count == 1)
        network.advance(.seconds(0))
        #expect(a.peers[b.number]?.attempts.isEmpty == true)
    }
}
