internal import Identity

/// How far this machine's clock was ahead of the authority's when that last issued something.
public struct ClockSkew: Sendable, Hashable {
    /// Negative when it was behind.
    public let seconds: Int64

    init(seconds: Int64) { self.seconds = seconds }

    /// Whether it is more than certificates are backdated by: one way they are not valid yet, the other they end early.
    public var isTooMuch: Bool { seconds.magnitude > X509SVID.backdating.magnitude }
}
