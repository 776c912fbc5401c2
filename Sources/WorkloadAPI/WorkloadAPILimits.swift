/// How much the Workload API bears.
public struct WorkloadAPILimits: Sendable {
    /// Of one source.
    public var connectionsPerSource = 256
    /// Of one source; each connection and each of its calls takes one.
    public var placesPerSource = 1024
    /// Of all together. Two of the process's descriptors each, at most.
    public var places = 16384
    public var callsPerConnection = 16
    /// Bytes of a request.
    public var requestBytes = 1 << 16
    /// How long a connection may take until its first call.
    public var firstCall = Duration.seconds(30)
    /// How long one may be without a call afterwards.
    public var idle = Duration.seconds(300)
    /// How often it is looked whether lists of what was taken back are about to end.
    public var lookAtLists = Duration.seconds(60)
    /// In what time each process that something is streamed for is looked at once more.
    public var lookAtProcesses = Duration.seconds(10)

    public init() {}
}
