import Foundation
import Identity
import SecureTransport
import Testing

@testable import Authority

@Suite struct NodeConnectionsTests {
    private let nodes = (1...3).map { try! SPIFFEID("spiffe://example.org/podshield/node/node-\($0)") }

    private func connections(_ change: (inout AuthorityLimits) -> Void) -> NodeConnections {
        var limits = AuthorityLimits()
        change(&limits)
        return NodeConnections(limits)
    }

    @Test func oneNodesAreCounted() throws {
        let connections = connections { $0.connectionsPerNode = 2 }
        for _ in 0..<2 { try connections.enter(nodes[0]) }
        #expect(throws: ConnectionRefusal.nodeHolds(2)) { try connections.enter(nodes[0]) }
        try connections.enter(nodes[1])
        connections.leave(nodes[0])
        try connections.enter(nodes[0])
        #expect(throws: ConnectionRefusal.nodeHolds(2)) { try connections.enter(nodes[0]) }
    }

    @Test func allAreCounted() throws {
        let connections = connections { $0.nodeConnections = 2 }
        for node in nodes.prefix(2) { try connections.enter(node) }
        #expect(throws: ConnectionRefusal.nodesHold(2)) { try connections.enter(nodes[2]) }
        connections.leave(nodes[1])
        try connections.enter(nodes[2])
    }

    /// All that may join can be served, each also while its last connection is not known to be dead, and the process may
    /// hold so many descriptors beside those of strangers.
    @Test func everyNodeOfTheDirectoryCanBeServed() throws {
        let limits = AuthorityLimits()
        #expect(limits.nodeConnections >= 2 * limits.directory.nodes && limits.connectionsPerNode >= 2)
        let unit = try String(contentsOfFile: Self.unit, encoding: .utf8)
        let descriptors = try #require(unit.firstMatch(of: /(?m)^LimitNOFILE=(\d+)$/).flatMap { Int($0.output.1) })
        let pending = limits.admission.strangers.pending + limits.admission.nodes.pending
        #expect(descriptors >= limits.nodeConnections + pending + 4096)
    }

    private static let unit = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "systemd/podshield-idd.service").path
}
