internal import RateLimiting
public import SecureTransport

/// How much the Broker API bears.
public struct BrokerLimits: Sendable {
    public var connectionsPerBroker = 16
    public var connections = 256
    /// A broker has one or two for each workload of the node.
    public var streamsPerConnection = 1024
    public var streamsPerBroker = 2048
    public var streams = 8192
    /// Bytes of a request.
    public var requestBytes = 1 << 16
    /// From connection to complete handshake.
    public var handshake = Duration.seconds(5)
    /// How long a connection may take from there until its first call.
    public var firstCall = Duration.seconds(30)
    /// How long one may be without a call afterwards.
    public var idle = Duration.seconds(300)
    /// After how much silence a broker is asked whether it is there, and how long it may take to say so: of one that has gone from the
    /// network nobody else tells, and its streams would keep their places.
    public var silence = Duration.seconds(30)
    /// Connections of which it is not known yet whose they are; of each place to connect apart.
    public var admission = AdmissionLimits(
        strangers: .init(pending: 128, rate: Rate(burst: 256, perSecond: 64)),
        nodes: .init(pending: 128, rate: Rate(burst: 256, perSecond: 64)), pendingPerSource: 32,
        ratePerSource: Rate(burst: 128, perSecond: 16))
    /// In what time each process that something is streamed for is looked at once more.
    public var lookAtProcesses = Duration.seconds(10)

    public init() {}
}
