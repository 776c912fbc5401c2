public import OpenSSLBinding

/// The X.509 roots of one trust domain, and what they have taken back. With no root, everything of that domain is untrusted.
public struct TrustBundle: Sendable, Equatable {
    public let trustDomain: TrustDomain
    public let authorities: [Certificate]
    /// Authorities below the roots that have taken something back. They are no roots: nothing is trusted because of them.
    public let issuers: [Certificate]
    /// At most one of each authority and issuer.
    public private(set) var revocations: [RevocationList]
    /// SHA-256 of authorities, roots or below, that are about to be taken out: what they issued is good until then, and should
    /// be replaced before.
    public let tainted: Set<[UInt8]>
    /// Grows with every change of the content.
    public var sequence: UInt64

    /// Refuses certificates that could not be an authority of this domain (X509-SVID sections 3.2 and 4). Lists of others
    /// than these count for nothing, and of several lists of one the newest counts.
    public init(
        trustDomain: TrustDomain, authorities: [Certificate], issuers: [Certificate] = [],
        revocations: [RevocationList] = [], tainted: Set<[UInt8]> = [], sequence: UInt64
    ) throws(SVIDRejection) {
        for (depth, authority) in (authorities + issuers).enumerated() {
            try AuthorityRules(trustDomain).check(authority, depth: depth)
        }
        self.trustDomain = trustDomain
        self.authorities = authorities
        self.issuers = issuers
        self.revocations = (authorities + issuers).compactMap { authority in
            revocations.filter { $0.authority == authority }.max { $0.number < $1.number }
        }
        self.tainted = tainted
        self.sequence = sequence
    }

    private init(_ trustDomain: TrustDomain) {
        self.trustDomain = trustDomain
        authorities = []
        issuers = []
        revocations = []
        tainted = []
        sequence = 0
    }

    /// Whether an authority of the domain has taken the certificate back. Serials are drawn, and never twice the same; a list of one CA
    /// takes back what another issued, whose own list cannot be had: its authority may be gone.
    package func revokes(_ certificate: Certificate) -> Bool { revocations.contains { $0.revokes(certificate) } }

    /// Whether an SVID that was good has been taken back since.
    public func revokes(_ svid: X509SVID) -> Bool {
        svid.chain.contains { revokes($0) }
    }

    /// Whether an SVID should be replaced, because an authority above it is about to be taken out.
    public func taints(_ svid: X509SVID) -> Bool {
        (svid.chain.dropFirst() + [svid.anchor]).contains { tainted.contains($0.sha256) }
    }

    /// The same as `revokes` of a certificate that is known by its serial alone.
    package func revokes(serial: String) -> Bool { revocations.contains { $0.serials.contains(serial) } }

    /// The same with none but these of its lists.
    package func keeping(_ lists: [RevocationList]) -> TrustBundle {
        var bundle = self
        bundle.revocations = lists
        return bundle
    }

    /// A bundle that trusts nothing, as a node has it before it joined.
    public static func empty(_ trustDomain: TrustDomain) -> TrustBundle { TrustBundle(trustDomain) }
}
