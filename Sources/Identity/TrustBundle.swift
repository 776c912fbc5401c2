public import OpenSSLBinding

/// The X.509 roots of one trust domain. With none, everything of that domain is untrusted.
public struct TrustBundle: Sendable, Equatable {
    public let trustDomain: TrustDomain
    public let authorities: [Certificate]
    /// Grows with every change of the content.
    public var sequence: UInt64

    /// Refuses certificates that could not be an authority of this domain (X509-SVID sections 3.2 and 4).
    public init(
        trustDomain: TrustDomain, authorities: [Certificate], sequence: UInt64
    ) throws(SVIDRejection) {
        for (depth, authority) in authorities.enumerated() {
            try AuthorityRules(trustDomain).check(authority, depth: depth)
        }
        self.trustDomain = trustDomain
        self.authorities = authorities
        self.sequence = sequence
    }

    private init(_ trustDomain: TrustDomain) {
        self.trustDomain = trustDomain
        authorities = []
        sequence = 0
    }

    /// A bundle that trusts nothing, as a node has it before it joined.
    public static func empty(_ trustDomain: TrustDomain) -> TrustBundle { TrustBundle(trustDomain) }
}
