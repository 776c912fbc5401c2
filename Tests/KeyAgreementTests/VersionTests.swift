import Identity
import LinkTestSupport
import Testing

@testable import KeyAgreement

/// Nodes of different ages: each program speaks the newest version that it knows and the one before.
@Suite struct VersionTests {
    @Test(arguments: [(1, 1...1), (2, 1...2), (3, 2...3), (255, 254...255)] as [(UInt8, ClosedRange<UInt8>)])
    func aProgramSpeaksTwoVersions(_ newest: UInt8, _ spoken: ClosedRange<UInt8>) {
        #expect(LinkVersions.spoken(upTo: newest) == spoken)
    }

    /// By the newest version of either program; nil where they have none in common.
    private static let pairs: [(UInt8, UInt8, UInt8?)] = [
        (1, 1, 1), (2, 1, 1), (1, 2, 1), (2, 2, 2), (3, 2, 2), (2, 3, 2), (3, 3, 3), (3, 1, nil), (1, 3, nil),
        (9, 1, nil), (9, 8, 8),
    ]

    @Test(arguments: pairs)
    func nodesUseTheNewestThatBothSpeak(_ a: UInt8, _ b: UInt8, _ expected: UInt8?) throws {
        let (network, one, two) = try pair(a, b)
        #expect(one.agreedVersion == expected && two.agreedVersion == expected)
        #expect((one.outbound(to: two) != nil) == (expected != nil))
        if expected == nil {
            let failures = [LinkFailure.noCommonVersion, .peerClosed(.noCommonVersion)]
            #expect(one.saw { event in failures.contains { event == .dialFailed($0) } })
        }
        network.checkInvariants()
    }

    /// One node after the other, there and back: at every moment they have keys, and never others than those of a version
    /// that both speak.
    @Test func aClusterIsUpgradedNodeByNode() throws {
        let (network, a, b) = try pair(1, 1)
        for (node, newest, agreed) in [(a, 2, 1), (b, 2, 2), (b, 3, 2), (a, 3, 3), (b, 2, 2), (a, 2, 2), (a, 1, 1)]
            as [(SimulatedNode, UInt8, UInt8)]
        {
            node.versions = LinkVersions.spoken(upTo: newest)
            node.restart()
            try node.hostOwn()
            network.settle()
            network.advance(.seconds(60))
            #expect(a.agreedVersion == agreed && b.agreedVersion == agreed)
            #expect(a.outbound(to: b) != nil && a.epoch(with: b) == b.epoch(with: a))
        }
    }

    /// One that was upgraded by two versions at once finds no common word; the keys of before go on until their deadline.
    @Test func aVersionLeftOutLosesNoKeys() throws {
        let (network, a, b) = try pair(1, 1)
        let spi = a.outbound(to: b)
        b.versions = LinkVersions.spoken(upTo: 3)
        b.restart()
        try b.hostOwn()
        network.settle()
        network.advance(.seconds(60))
        #expect(a.peers[b.number]?.link == nil && b.peers[a.number]?.link == nil)
        #expect(spi != nil && a.outbound(to: b) == spi && b.inbound(from: a) == [spi])
    }

    /// Whoever could change what is said inside of TLS could not make two new nodes speak the old version: either end's
    /// Hello is in what both confirm.
    @Test(arguments: [(true, false), (false, true), (true, true)])
    func nobodyTalksThemDown(_ fromClient: Bool, _ fromServer: Bool) throws {
        let (network, a, b) = try pair(2, 2) { network in
            network.tamper = { _, receiver, frame in
                guard receiver == .server ? fromClient : fromServer else { return frame }
                return Self.talkedDown(frame)
            }
        }
        network.advance(.seconds(60))
        #expect(a.agreedVersion == nil && b.agreedVersion == nil)
        #expect(a.sink.outbound.isEmpty && b.sink.inbound.isEmpty)
        network.tamper = nil
        network.advance(.seconds(60))
        #expect(a.agreedVersion == 2 && b.agreedVersion == 2)
    }

    private static func talkedDown(_ frame: [UInt8]) -> [UInt8] {
        guard case .hello(var hello)? = try? LinkMessage(content: frame[4...]) else { return frame }
        hello.maximumVersion = 1
        return LinkMessage.hello(hello).frame
    }

    /// Two nodes with programs of these versions, a workload on each.
    private func pair(
        _ a: UInt8, _ b: UInt8, before: (Simulation) -> Void = { _ in }
    ) throws -> (Simulation, SimulatedNode, SimulatedNode) {
        let network = try Simulation()
        let one = try network.add("a", versions: LinkVersions.spoken(upTo: a))
        let two = try network.add("b", versions: LinkVersions.spoken(upTo: b))
        before(network)
        network.publish()
        for node in [one, two] { try node.hostOwn() }
        network.settle()
        return (network, one, two)
    }
}

extension SimulatedNode {
    fileprivate var agreedVersion: UInt8? { peers.values.first?.link?.epoch.agreement.version }

    /// A workload of its own: `web` on a, `db` on b.
    fileprivate func hostOwn() throws {
        host([
            try workload(
                name == "a" ? "web" : "db", name == "a" ? web : db, at: [name == "a" ? "10.0.1.1" : "10.0.2.1"])
        ])
    }
}
