public import Identity

/// Who this end is and whom it trusts, read anew for every connection, so that a renewed SVID or a changed bundle needs no
/// new listener.
public struct TransportIdentity: Sendable {
    package let current: @Sendable () throws -> KeyedSVID?
    package let bundle: @Sendable () -> TrustBundle
    package let now: @Sendable () -> Int64

    /// - Parameters:
    ///   - current: the SVID to present; nil for none, as a node has before it joined.
    ///   - bundle: the roots the peer's certificate must lead to, and the only trust domain accepted.
    ///   - now: seconds since 1970, the time certificates are judged at.
    public init(
        current: @escaping @Sendable () throws -> KeyedSVID?, bundle: @escaping @Sendable () -> TrustBundle,
        now: @escaping @Sendable () -> Int64
    ) {
        self.current = current
        self.bundle = bundle
        self.now = now
    }
}
