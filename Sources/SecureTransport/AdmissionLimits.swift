public import RateLimiting

/// What connections may cost of which nobody knows yet whether they are wanted.
public struct AdmissionLimits: Sendable, Equatable {
    /// Of all sources of one sort together.
    public struct Pool: Sendable, Equatable {
        /// At one time.
        public var pending: Int
        public var rate: Rate

        public init(pending: Int, rate: Rate) {
            self.pending = pending
            self.rate = rate
        }
    }

    /// Of addresses that nobody has named.
    public var strangers: Pool
    /// Of addresses that nodes are known to have: what strangers do takes nothing from them.
    public var nodes: Pool
    /// At one time, from one source: a node's address, a stranger's IPv4 address or IPv6 /64.
    public var pendingPerSource: Int
    public var ratePerSource: Rate

    public init(strangers: Pool, nodes: Pool, pendingPerSource: Int, ratePerSource: Rate) {
        self.strangers = strangers
        self.nodes = nodes
        self.pendingPerSource = pendingPerSource
        self.ratePerSource = ratePerSource
    }
}
