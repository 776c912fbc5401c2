/// What `psid datapath show` prints. Never a key.
public struct DatapathSnapshot: Codable, Sendable {
    public struct Program: Codable, Sendable {
        public let name: String
        public let id: UInt32
        public let tag: String
        public let verifiedInstructions: UInt32
        public let attachments: [Attachment]
    }

    public struct Attachment: Codable, Sendable {
        public let interface: UInt32
        public let direction: String
        /// `tcx` or `clsact`.
        public let kind: String
    }

    public struct Map: Codable, Sendable {
        public let name: String
        public let id: UInt32
        /// Nil where counting says nothing: plain arrays, rings, and caches that make room by themselves.
        public let entries: Int?
        public let maxEntries: Int
    }

    public struct SA: Codable, Sendable {
        public let direction: SADirection
        public let spi: UInt32
        public let slot: UInt32
        public let peer: UInt32
        public let identity: UInt32
        /// Last sequence number sent, or highest accepted.
        public let sequence: UInt64
        public let packets: UInt64
        /// Of inner packets.
        public let bytes: UInt64
        public let lastUsed: UInt64
        public let deadline: UInt64
    }

    public struct Pod: Codable, Sendable {
        public let interface: UInt32
        public let identity: UInt32
        public let mac: String
        public let mtu: UInt16
        public let addresses: [String]
    }

    public struct Peer: Codable, Sendable {
        public let node: UInt32
        public let address: String
        public let local: String
        public let port: UInt16
        public let mtu: UInt16
    }

    public struct Remote: Codable, Sendable {
        public let address: String
        public let peer: UInt32
        public let identity: UInt32
    }

    public let programs: [Program]
    public let maps: [Map]
    public let securityAssociations: [SA]
    public let pods: [Pod]
    public let peers: [Peer]
    public let remotes: [Remote]
    public let protected: [String]
    public let counters: [OutcomeCounter]
    public let eventsLost: UInt64
    public let eventsLimited: UInt64
}
