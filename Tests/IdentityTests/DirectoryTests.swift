import Addressing
import Identity
import Testing

struct DirectoryTests {
    private let directory: Directory

    init() throws {
        func lease(_ prefix: String, _ node: UInt32, _ generation: UInt64) throws -> Directory.Lease {
            Directory.Lease(
                prefix: try #require(IPPrefix(prefix)), node: NodeNumber(rawValue: node), generation: generation)
        }
        directory = Directory(
            trustDomain: try TrustDomain("td"), revision: 1, nodes: [],
            leases: [
                try lease("10.1.0.0/16", 1, 1), try lease("10.1.2.3/32", 2, 5), try lease("10.1.2.4/32", 2, 0),
                try lease("fd00::/64", 3, 9),
            ],
            workloads: [])
    }

    @Test(
        arguments: [
            ("10.1.0.1", 1), ("10.1.2.3", 2), ("10.2.0.1", nil), ("fd00::1", 3), ("fd01::1", nil),
            // An older lease of a longer prefix loses: the generation decides, not the length.
            ("10.1.2.4", 1),
        ] as [(String, UInt32?)])
    func newestLeaseHolds(_ address: String, _ node: UInt32?) throws {
        let holder = try directory.holder(of: #require(IPAddress(address)))
        #expect(holder == node.map(NodeNumber.init(rawValue:)))
    }
}
