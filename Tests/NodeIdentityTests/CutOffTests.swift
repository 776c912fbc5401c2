import Authority
import Etcd
import EtcdTestSupport
import GRPCCore
import KernelTestSupport
import SharedRegistry
import Synchronization
import Testing

@testable import NodeIdentity

/// Authorities that share a registry, each by members of etcd of its own, so that one can be cut off and the other not.
@Suite(.serialized, .blocking, .timeLimit(.minutes(3))) struct CutOffTests {
    private func authority(
        _ name: String, by members: [Int], of cluster: EtcdCluster
    ) async throws -> TestAuthority {
        var known = cluster.members
        known.addresses = members.map { cluster.members.addresses[$0] }
        // A silence takes that long to notice, and a busy machine some of it to answer.
        known.timeLimit = .seconds(5)
        let log = EtcdLog(EtcdClient(known), prefix: "/podshield/example.org/")
        return try await TestAuthority { settings in
            settings.name = name
            settings.sharedLog = log
            settings.autoRegistration = AutoRegistration(scope: .allNodes)
        }
    }

    private func connections(_ node: TestNode) -> [String] {
        node.journal.all.compactMap { event in if case .connected(let address) = event { address } else { nil } }
    }

    /// The node leaves one that is cut off for one that is not. Where all are, it stays with one, and looks around later.
    @Test func aNodeLeavesWhoIsCutOff() async throws {
        let cluster = try await outside { try EtcdCluster(members: 3) }
        let first = try await authority("first", by: [0], of: cluster)
        let second = try await authority("second", by: [1, 2], of: cluster)
        let mayLookAround = Mutex(false)
        let node = try TestNode(authorities: [first.address, second.address]) { duration in
            guard duration >= Schedule.lookAround(chance: 0) else { return try await Task.sleep(for: duration) }
            while !mayLookAround.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(50)) }
        }
        try await node.join(first.invitation(node: "node-a"))
        try await eventually("it is with the first") { connections(node) == [first.address] }
        _ = try await node.service.issue(pod("web-0"))

        cluster.freeze(0)
        await #expect(throws: (any Error).self) { try await first.entry("/lost") }
        try await eventually("it goes to the second") { connections(node) == [first.address, second.address] }
        _ = try await node.service.issue(pod("web-1"))

        cluster.freeze(1)
        cluster.freeze(2)
        await #expect(throws: (any Error).self) { try await second.entry("/lost") }
        let both = [first.address, second.address]
        try await eventually("it finds both cut off, and stays with the second") { connections(node) == both + both }
        try await Task.sleep(for: .seconds(2))
        #expect(connections(node) == both + both)
        #expect(await node.service.status().isConnected)

        for member in 0..<3 { cluster.goOn(member) }
        try await eventually("changes are made again") { (try? await second.entry("/found")) != nil }
        mayLookAround.withLock { $0 = true }
        try await eventually("it looks around") { connections(node).count >= 5 }
        _ = try await node.service.issue(pod("web-2"))
        try await first.stop()
        try await second.stop()
    }

    /// A node that joined another meanwhile, of which the one that is cut off has not heard: it is not kept by its refusals.
    @Test func whoIsUnknownThereLeavesToo() async throws {
        let cluster = try await outside { try EtcdCluster(members: 3) }
        let first = try await authority("first", by: [0], of: cluster)
        let second = try await authority("second", by: [1, 2], of: cluster)
        cluster.freeze(0)
        // Nobody asks the first to change anything: it finds out by itself.
        let node = try TestNode(authorities: [first.address, second.address])
        try await node.join(second.invitation(node: "node-a"))
        try await eventually(within: .seconds(90), "it comes to the second") {
            connections(node).last == second.address
        }
        _ = try await node.service.issue(pod("web-0"))
        cluster.goOn(0)
        try await first.stop()
        try await second.stop()
    }

    /// How an authority stands with the others is for nodes alone.
    @Test func aStrangerHearsNothingOfIt() async throws {
        let cluster = try await outside { try EtcdCluster(members: 1) }
        let authority = try await authority("first", by: [0], of: cluster)
        let node = try await TestNode.joined("node-a", to: authority)
        let svid = try #require(node.service.currentSVID)
        await node.stop()
        cluster.freeze(0)
        await #expect(throws: (any Error).self) { try await authority.entry("/lost") }
        for (shown, code) in [(nil, RPCError.Code.unauthenticated), (svid, .unavailable)] {
            let caller = try await Stranger(to: authority, showing: shown)
            let error = await #expect(throws: RPCError.self) { try await caller.watchDirectory() }
            #expect(error?.code == code)
            #expect(error?.message.contains("cut off") == (code == .unavailable), "\(error?.message ?? "")")
        }
        cluster.goOn(0)
        try await authority.stop()
    }
}
