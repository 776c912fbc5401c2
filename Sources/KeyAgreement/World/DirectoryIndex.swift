internal import Addressing
package import Identity

/// A directory, made for look-ups.
package struct DirectoryIndex: Sendable {
    package let revision: UInt64
    package let nodes: [NodeNumber: Directory.Node]
    private let numbers: [SPIFFEID: NodeNumber]
    private let nodeAddresses: Set<IPAddress>
    private let workloads: [NumericIdentity: SPIFFEID]
    let leases: LeaseIndex

    package init(_ directory: Directory) {
        revision = directory.revision
        nodes = Dictionary(directory.nodes.map { ($0.number, $0) }, uniquingKeysWith: { first, _ in first })
        numbers = Dictionary(directory.nodes.map { ($0.id, $0.number) }, uniquingKeysWith: { first, _ in first })
        nodeAddresses = Set(directory.nodes.map(\.address))
        workloads = Dictionary(directory.workloads.map { ($0.number, $0.id) }, uniquingKeysWith: { first, _ in first })
        leases = LeaseIndex(directory.leases)
    }

    package func node(_ id: SPIFFEID) -> Directory.Node? { numbers[id].flatMap { nodes[$0] } }

    func isNodeAddress(_ address: IPAddress) -> Bool { nodeAddresses.contains(address) }

    /// Nil for a number that this directory does not know, or not yet.
    func workload(_ number: NumericIdentity) -> SPIFFEID? { workloads[number] }
}
