import Addressing
import Identity
import LinkTestSupport
import RandomTestSupport
import Testing

@testable import KeyAgreement

/// Three nodes under everything at once, in a random and reproducible order. At every step what is sealed can be opened; in
/// the end everybody knows exactly what the others host.
@Suite struct ChurnTests {
    private let network: Simulation
    private let nodes: [SimulatedNode]
    /// Two identities of each node.
    private let svids: [[KeyedSVID]]

    init() throws {
        let network = try Simulation()
        let nodes = try ["a", "b", "c"].map { try network.add($0) }
        network.hasTraffic = true
        self.network = network
        self.nodes = nodes
        svids = try nodes.map { node in
            try (0..<2).map { account in
                try network.domain.workload(
                    "\(node.name)\(account)", number: 300 + node.number.rawValue * 10 + UInt32(account), on: node.id,
                    lifetime: .seconds(86400))
            }
        }
        network.publish()
        for index in nodes.indices { nodes[index].host([]) }
        network.settle()
    }

    private func address(_ node: Int, _ pod: Int) -> IPAddress {
        IPAddress(stringLiteral: "10.0.\(node + 1).\(pod + 1)")
    }

    /// What a node hosts: the pods of each of its identities.
    private func host(_ node: Int, _ pods: [Set<Int>]) throws {
        let workloads = try zip(svids[node], pods).map { svid, pods in
            try #require(HostedWorkload(svid: svid, addresses: Set(pods.map { address(node, $0) })))
        }
        nodes[node].host(workloads)
    }

    private func deliverSome(_ generator: inout SplitMix) {
        for _ in 0..<Int.random(in: 0...12, using: &generator) {
            guard let (wire, role) = network.deliverable.randomElement(using: &generator) else { return }
            network.deliver(wire, to: role)
        }
    }

    private func expectAgreement(_ hosted: [[Set<Int>]]) {
        for (index, node) in nodes.enumerated() {
            for (svid, pods) in zip(svids[index], hosted[index]) {
                let identity = svid.svid.binding?.identity ?? .unknown
                let expected = pods.map { address(index, $0) }.sorted()
                for other in nodes where other !== node {
                    #expect(
                        other.bound(from: node, identity) == expected, "\(identity) of \(node.name) at \(other.name)")
                    #expect(
                        other.inbound(from: node, identity)
                            == (pods.isEmpty ? [] : [node.outbound(to: other, identity)]))
                }
            }
            #expect(node.world.quarantined.isEmpty && node.links.count == 2)
        }
        #expect(network.wires.count == 3)
    }

    /// Pods stay with their identity; connections break and daemons restart.
    @Test(arguments: 0..<12)
    func breaksAndRestarts(_ seed: UInt64) throws {
        var generator = SplitMix(seed: seed)
        var hosted = [[Set<Int>]](repeating: [[], []], count: 3)
        for _ in 0..<60 {
            let node = Int.random(in: 0..<3, using: &generator)
            switch Int.random(in: 0..<8, using: &generator) {
            case 0...3:
                let identity = Int.random(in: 0..<2, using: &generator)
                let pod = identity * 10 + Int.random(in: 0..<4, using: &generator)
                hosted[node][identity].formSymmetricDifference([pod])
                try host(node, hosted[node])
            case 4, 5: nodes[node].feed(.rekey, nodes[(node + 1) % 3].number)
            case 6:
                network.drop { $0.contains(nodes[node]) }
                network.advance(.seconds(6))
            default:
                nodes[node].restart()
                network.advance(.seconds(6))
                try host(node, hosted[node])
            }
            deliverSome(&generator)
        }
        network.settle(&generator)
        network.advance(.seconds(120))
        expectAgreement(hosted)
    }

    /// Pods' addresses pass from one identity to the other; nobody is ever mistaken.
    @Test(arguments: 0..<12)
    func addressesThatMove(_ seed: UInt64) throws {
        var generator = SplitMix(seed: seed)
        var hosted = [[Set<Int>]](repeating: [[], []], count: 3)
        for _ in 0..<80 {
            let node = Int.random(in: 0..<3, using: &generator)
            switch Int.random(in: 0..<8, using: &generator) {
            case 0...5:
                let pod = Int.random(in: 0..<4, using: &generator)
                let identity = Int.random(in: 0..<3, using: &generator)
                for index in 0..<2 { hosted[node][index].remove(pod) }
                if identity < 2 { hosted[node][identity].insert(pod) }
                try host(node, hosted[node])
            case 6: nodes[node].feed(.rekey, nodes[(node + 1) % 3].number)
            default:
                network.drop { $0.contains(nodes[node]) }
                network.advance(.seconds(6))
            }
            for _ in 0..<4 {
                deliverSome(&generator)
                expectNobodyIsMistaken()
            }
        }
        network.settle(&generator)
        network.advance(.seconds(120))
        expectAgreement(hosted)
    }

    /// Who can send to a node takes no address there for another identity than has it, but for those in quarantine.
    private func expectNobodyIsMistaken() {
        for node in nodes {
            let quarantined = node.world.quarantined
            for workload in node.world.hosted?.values.map(\.self) ?? [] {
                for address in workload.addresses.subtracting(quarantined) {
                    for other in nodes where other.sink.outbound.keys.contains(where: { $0.peer == node.number }) {
                        let taken = other.sink.bindings[address]?.identity
                        #expect(taken == nil || taken == workload.identity, "\(address) at \(other.name)")
                    }
                }
            }
        }
    }
}
