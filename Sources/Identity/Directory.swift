public import Addressing

/// What the authority signs and streams to every node: who the nodes are, which addresses each may speak for, and which
/// numeric identities exist. `revision` only grows; a node refuses to go back.
public struct Directory: Sendable, Equatable {
    public struct Node: Sendable, Equatable {
        public var number: NodeNumber
        public var id: SPIFFEID
        /// Where the node link is dialled and outer ESP packets are sent.
        public var address: IPAddress
        /// TCP port of the node link.
        public var linkPort: UInt16
        /// UDP port of ESP (RFC 3948).
        public var espPort: UInt16

        public init(number: NodeNumber, id: SPIFFEID, address: IPAddress, linkPort: UInt16, espPort: UInt16) {
            self.number = number
            self.id = id
            self.address = address
            self.linkPort = linkPort
            self.espPort = espPort
        }
    }

    /// The right to announce addresses. The highest generation that covers an address wins.
    public struct Lease: Sendable, Equatable {
        public var prefix: IPPrefix
        public var node: NodeNumber
        public var generation: UInt64

        public init(prefix: IPPrefix, node: NodeNumber, generation: UInt64) {
            self.prefix = prefix
            self.node = node
            self.generation = generation
        }
    }

    public struct Workload: Sendable, Equatable {
        public var number: NumericIdentity
        public var id: SPIFFEID
        public var labels: [String: String]

        public init(number: NumericIdentity, id: SPIFFEID, labels: [String: String]) {
            self.number = number
            self.id = id
            self.labels = labels
        }
    }

    public var trustDomain: TrustDomain
    public var revision: UInt64
    public var nodes: [Node]
    public var leases: [Lease]
    public var workloads: [Workload]

    public init(trustDomain: TrustDomain, revision: UInt64, nodes: [Node], leases: [Lease], workloads: [Workload]) {
        self.trustDomain = trustDomain
        self.revision = revision
        self.nodes = nodes
        self.leases = leases
        self.workloads = workloads
    }

    /// The node whose newest lease covers the address.
    public func holder(of address: IPAddress) -> NodeNumber? {
        leases.filter { $0.prefix.contains(address) }.max { $0.generation < $1.generation }?.node
    }

    public func node(_ id: SPIFFEID) -> Node? { nodes.first { $0.id == id } }
    public func node(_ number: NodeNumber) -> Node? { nodes.first { $0.number == number } }
    public func workload(_ number: NumericIdentity) -> Workload? { workloads.first { $0.number == number } }
}
