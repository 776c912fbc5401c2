public import Addressing
public import KeyAgreement
internal import RateLimiting
public import SecureTransport

/// How this node links with the others.
public struct NodeLinkSettings: Sendable {
    /// Where connections are accepted.
    public var address: IPAddress
    /// TCP; 0 lets the kernel choose, which `bound()` tells.
    public var port: UInt16
    /// How long keys are used before new ones are agreed on. At least 10 s.
    public var epoch: Duration = .seconds(3600)
    /// Whether to connect to every node of the directory, or only to those that packets wait for.
    public var preconnect = true
    /// What pods' addresses may be; empty for no such limit.
    public var protected: [IPPrefix] = []
    public var timing = LinkTiming()
    /// Of connections whose peer has not confirmed an epoch yet.
    public var admission = AdmissionLimits(
        strangers: .init(pending: 256, rate: Rate(burst: 256, perSecond: 64)),
        nodes: .init(pending: 1024, rate: Rate(burst: 1024, perSecond: 256)),
        pendingPerSource: 16, ratePerSource: Rate(burst: 64, perSecond: 8))

    public static let shortestEpoch = Duration.seconds(10)

    public init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }
}
