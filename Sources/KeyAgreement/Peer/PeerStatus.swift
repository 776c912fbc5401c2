public import Addressing
public import Identity

/// A peer as an operator sees it.
public struct PeerStatus: Sendable, Equatable {
    public enum State: String, Sendable {
        /// Nothing was asked of it.
        case idle
        case connecting
        /// There is a connection with a confirmed epoch.
        case established
        /// There was one; SAs stay until their deadlines.
        case lost
    }

    public struct Association: Sendable, Equatable {
        public let spi: SPI
        public let direction: SADirection
        public let identity: NumericIdentity
        public let deadline: BootNanoseconds
        /// Nil for what an earlier run left.
        public let epoch: EpochID?
        /// Inbound: the addresses bound to (peer, identity).
        public let addresses: [IPAddress]
    }

    public struct Epoch: Sendable, Equatable {
        public let id: EpochID
        public let role: LinkRole
        public let suite: Suite
        public let postQuantum: PostQuantumMode
        /// The TLS 1.3 key exchange group and cipher suite of the connection.
        public let tlsGroup: String
        public let tlsCipherSuite: String
        public let confirmed: BootNanoseconds
        /// When the next one is due.
        public let rekey: BootNanoseconds
    }

    public let node: NodeNumber
    public let id: SPIFFEID
    public let address: IPAddress
    public let state: State
    /// Of the connection in use, nil when there is none.
    public let epoch: Epoch?
    public let associations: [Association]
    public let lastError: String?
}
