/// What strangers may cost: connections of which nobody knows yet whether they are wanted.
public struct AdmissionLimits: Sendable, Equatable {
    /// At one time, in all.
    public var pending: Int
    /// At one time, from one source: an IPv4 address, an IPv6 /64.
    public var pendingPerSource: Int
    /// Connections from one source, in a burst and per second from then on.
    public var burstPerSource: Int
    public var ratePerSource: Double

    public init(pending: Int, pendingPerSource: Int, burstPerSource: Int, ratePerSource: Double) {
        self.pending = pending
        self.pendingPerSource = pendingPerSource
        self.burstPerSource = burstPerSource
        self.ratePerSource = ratePerSource
    }
}
