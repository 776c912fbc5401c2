/// An etcd cluster, and how we show it who we are.
public struct EtcdMembers: Sendable, Equatable {
    /// Where a member serves clients.
    public struct Address: Sendable, Equatable, CustomStringConvertible {
        /// A DNS name or an address.
        public let host: String
        public let port: UInt16

        public init(host: String, port: UInt16) {
            self.host = host
            self.port = port
        }

        public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
    }

    /// Asked one after another, until one answers.
    public var addresses: [Address]
    /// PEM files. Members' certificates lead to one of `roots`, and name the host; `certificate` is ours, leaf first, `key` its key.
    /// Read whenever a connection is made.
    public var roots: String
    public var certificate: String
    public var key: String
    /// How long one member has to answer, connecting included.
    public var timeLimit = Duration.seconds(3)

    public init(addresses: [Address], roots: String, certificate: String, key: String) {
        precondition(!addresses.isEmpty, "a cluster without a member")
        self.addresses = addresses
        self.roots = roots
        self.certificate = certificate
        self.key = key
    }
}
