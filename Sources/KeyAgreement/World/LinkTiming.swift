/// The times of the node link. The defaults are for production; tests shorten them.
public struct LinkTiming: Sendable, Equatable {
    /// From connection to confirmed epoch.
    public var handshake: Duration = .seconds(10)
    /// After the first failure to dial; doubles with each further one, up to `longestBackoff` or a quarter of an epoch.
    public var shortestBackoff: Duration = .milliseconds(500)
    public var longestBackoff: Duration = .seconds(30)
    /// After the first refusal of an announcement; doubles with each further one, up to `longestBackoff`.
    public var retry: Duration = .milliseconds(250)
    /// How long a peer is not listened to for each statement of its that was refused.
    public var refusal: Duration = .milliseconds(2)
    /// How long the node that does not dial waits for the one that does, or a quarter of an epoch.
    public var overdue: Duration = .seconds(5)
    /// How long an inbound SA stays after its sender has switched: for packets that are on their way.
    public var grace: Duration = .seconds(2)
    /// Of silence, before the peer is asked whether it is there; after three of them the connection counts as lost.
    public var keepalive: Duration = .seconds(15)
    /// How long two nodes' directories may differ: what is refused on account of that is worth a word only after it.
    public var directoryLag: Duration = .seconds(5)
    /// How long `host` waits for connected peers.
    public var acknowledgement: Duration = .seconds(2)

    public init() {}
}
