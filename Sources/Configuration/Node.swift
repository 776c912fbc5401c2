public import Addressing

extension PodshieldConfiguration {
    /// What only a daemon with pods is told.
    public struct Node: Sendable, Equatable {
        /// Last segment of the node's SPIFFE ID.
        public var name: String
        /// Where other nodes reach this one, outside `protected`.
        public var address: IPAddress
        /// TCP port of the node link.
        public var linkPort: UInt16
        /// UDP port of sealed packets.
        public var espPort: UInt16
        /// Of the keys of workloads' SVIDs.
        public var keyType: KeyType
        /// Holds what private keys in the state are sealed by; nil where they are not.
        public var stateKey: SecretSource?
        /// Path of the socket at which the container runtime is asked; nil where nobody is.
        public var containerRuntime: String?
        /// Packets to unknown destinations inside `protected` may leave in clear.
        public var permissive: Bool
        /// Calls of Envoy's SDS need the header that all others on the workloads' socket need.
        public var sdsRequiresHeader: Bool
        /// Envoys are told what was taken back.
        public var sdsHasRevocationLists: Bool
        /// Nil: there is no Broker API.
        public var broker: Broker?
        public var uplinks: Uplinks
        public var link: Link
        public var datapath: Datapath
        public var netnsHelper: NetnsHelper
    }

    public enum KeyType: String, Sendable, CaseIterable {
        case ecP256 = "ec-p256"
        case ecP384 = "ec-p384"
        case rsa2048 = "rsa-2048"
        case rsa4096 = "rsa-4096"
        case ed25519
    }

    /// The devices over which packets leave the node.
    public enum Uplinks: Sendable, Equatable {
        /// Every device that is neither pod nor loopback.
        case auto
        case devices([String])
    }

    public struct Link: Sendable, Equatable {
        /// How long one set of keys is used before the next is agreed on.
        public var epochLifetime: Duration
        /// Packets, and bytes of them, that a workload may send to a node before the next keys are due.
        public var rekeyPackets: Int
        public var rekeyBytes: Int
        /// Agree on keys with every node before a packet asks for it.
        public var preconnect: Bool
    }

    /// Who prepares a pod's interface inside its namespace.
    public enum NetnsHelper: Sendable, Equatable {
        /// systemd starts one for each connection to this socket.
        case socket(path: String)
        /// The daemon starts one for each request.
        case executable(path: String)
    }
}

extension PodshieldConfiguration {
    public struct Datapath: Sendable, Equatable {
        public var attachment: Attachment
        /// The bits of `skb->mark` that are ours: contiguous, two at least.
        public var markMask: UInt32
        /// Events a second and reason that the kernel lets through.
        public var eventsPerSecond: Int
        public var tables: Tables

        public enum Attachment: String, Sendable, CaseIterable {
            /// tcx where the kernel has it (6.6), else clsact.
            case auto
            case tcx
            case clsact
        }
    }

    /// Sizes of the kernel maps. They cannot change while the datapath is installed.
    public struct Tables: Sendable, Equatable {
        /// Slots for SAs in each direction; a power of two.
        public var securityAssociations: Int
        public var peers: Int
        /// Addresses of this node's pods.
        public var localAddresses: Int
        /// Addresses of other nodes' pods.
        public var remoteAddresses: Int
        public var pods: Int
        public var protectedPrefixes: Int
        /// A power of two.
        public var eventRingBytes: Int
    }
}
