public import Identity

/// What a certificate is going to certify, decided by the authority's registry. One exists only for an ID that its kind
/// may have: a workload's is never under `/podshield/`.
public struct IssuancePlan: Sendable, Equatable {
    public let id: SPIFFEID
    public let binding: PodshieldBinding?
    /// Whole seconds, at least one; cut where the authority's own validity ends.
    public let lifetime: Duration
    public let dnsNames: [String]

    public static let defaultLifetime = Duration.seconds(3600)
    /// A certificate goes along with every handshake.
    static let mostDNSNames = 32

    /// `dnsNames` are host names (RFC 1123) without wildcards, at most 32.
    public static func workload(
        id: SPIFFEID, binding: PodshieldBinding?, lifetime: Duration = defaultLifetime, dnsNames: [String] = []
    ) throws(IssuanceError) -> IssuancePlan {
        guard id.kind == .workload, id.path != ReservedNames.spireServerPath else { throw .reservedID(id) }
        if let node = binding?.node, node.trustDomain != id.trustDomain { throw .foreignTrustDomain(node) }
        return try IssuancePlan(id: id, binding: binding, lifetime: lifetime, dnsNames: dnsNames)
    }

    public static func node(
        _ name: String, in trustDomain: TrustDomain, lifetime: Duration = defaultLifetime
    ) throws(IssuanceError) -> IssuancePlan {
        try infrastructure(lifetime) { () throws(SPIFFEIDError) in try ReservedNames.node(name, in: trustDomain) }
    }

    public static func authority(
        _ name: String, in trustDomain: TrustDomain, lifetime: Duration = defaultLifetime
    ) throws(IssuanceError) -> IssuancePlan {
        try infrastructure(lifetime) { () throws(SPIFFEIDError) in try ReservedNames.authority(name, in: trustDomain) }
    }

    /// Of a server that signs CAs for others, for whom it is one of SPIRE's.
    public static func spireServer(
        in trustDomain: TrustDomain, lifetime: Duration = defaultLifetime
    ) throws(IssuanceError) -> IssuancePlan {
        try infrastructure(lifetime) { () throws(SPIFFEIDError) in try ReservedNames.spireServer(in: trustDomain) }
    }

    private static func infrastructure(
        _ lifetime: Duration, _ makeID: () throws(SPIFFEIDError) -> SPIFFEID
    ) throws(IssuanceError) -> IssuancePlan {
        let id: SPIFFEID
        do throws(SPIFFEIDError) {
            id = try makeID()
        } catch {
            throw .badName(error)
        }
        // A name of several segments would be an ID of no kind.
        guard id.kind != .reserved else { throw .reservedID(id) }
        return try IssuancePlan(id: id, binding: nil, lifetime: lifetime, dnsNames: [])
    }

    private init(
        id: SPIFFEID, binding: PodshieldBinding?, lifetime: Duration, dnsNames: [String]
    ) throws(IssuanceError) {
        let seconds = lifetime.components.seconds
        guard (1...Self.longestLifetime).contains(seconds) else { throw .badLifetime(seconds: seconds) }
        guard dnsNames.count <= Self.mostDNSNames else { throw .tooManyDNSNames(dnsNames.count) }
        for name in dnsNames where !Self.isHostName(name) { throw .badDNSName(name) }
        self.id = id
        self.binding = binding
        self.lifetime = .seconds(seconds)
        self.dnsNames = dnsNames
    }

    /// A hundred years: far from where sums of seconds or ASN.1 times end.
    private static let longestLifetime: Int64 = 100 * 365 * 86400

    /// Labels of letters, digits and inner hyphens, at most 63 bytes each and 253 in all (RFC 1123 section 2.1).
    private static func isHostName(_ name: String) -> Bool {
        guard name.utf8.count <= 253 else { return false }
        return name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).allSatisfy { label in
            (1...63).contains(label.count) && label.allSatisfy(isLabelByte)
                && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
        }
    }

    private static func isLabelByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
