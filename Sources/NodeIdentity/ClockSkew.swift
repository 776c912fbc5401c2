internal import Identity

/// How far this machine's clock was ahead of the authority's at least when that last issued something.
public struct ClockSkew: Sendable, Hashable {
    /// Negative when it was behind.
    public let seconds: Int64

    /// The authority issued between question and answer; how long either was on its way nobody knows. All three in seconds since 1970,
    /// `issued` by the authority's clock.
    init(asked: Int64, issued: Int64, answered: Int64) {
        seconds = asked > issued ? asked - issued : min(answered - issued, 0)
    }

    /// Whether it is more than certificates are backdated by: one way they are not valid yet, the other they end early.
    public var isTooMuch: Bool { seconds.magnitude > X509SVID.backdating.magnitude }
}
