public import Addressing

/// Where CAs are signed for authorities below this one.
public struct DownstreamSettings: Sendable, Equatable {
    public var address: IPAddress
    /// 0 for any that is free.
    public var port: UInt16
    /// Of CAs that are signed; no longer than our own lasts, and than is asked for.
    public var lifetime: Duration
    /// Whether JWT-SVIDs of authorities below are trusted in the whole trust domain, by keys that they publish here.
    public var takesKeys: Bool

    public init(address: IPAddress, port: UInt16, lifetime: Duration, takesKeys: Bool = false) {
        self.address = address
        self.port = port
        self.lifetime = lifetime
        self.takesKeys = takesKeys
    }
}
