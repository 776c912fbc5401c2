public import Addressing

/// "I host this workload": opens an SA when accepted.
public struct Announce: Sendable, Equatable {
    /// Chosen by the announcer, never twice on a connection.
    public var id: UInt32
    /// DER, leaf first.
    public var chain: [[UInt8]]
    public var addresses: [IPAddress]
    /// 32 bytes, part of the key derivation.
    public var nonce: [UInt8]
    public var signature: [UInt8]
}

/// "These are now all its addresses."
public struct AddressUpdate: Sendable, Equatable {
    public var id: UInt32
    /// Grows by one with every update of an announcement, of either kind; the announcement itself is 0.
    public var generation: UInt32
    public var addresses: [IPAddress]
    public var signature: [UInt8]
}

/// "Its SVID was renewed": moves the deadline, nothing else.
public struct Renewal: Sendable, Equatable {
    public var id: UInt32
    public var generation: UInt32
    public var chain: [[UInt8]]
    public var signature: [UInt8]
}

/// The answer to `Announce`: what the SA's sender needs.
public struct Acceptance: Sendable, Equatable {
    public var id: UInt32
    public var spi: SPI
    /// 32 bytes, part of the key derivation.
    public var nonce: [UInt8]
}

/// The other answer to `Announce` (generation 0) or to an update. After a refused update the announcement stands, less the
/// addresses that the update left out. Generation 0 after an acceptance takes that back.
public struct Refusal: Sendable, Equatable {
    public var id: UInt32
    public var generation: UInt32
    public var reason: RefusalReason
    /// Those the reason is about; empty for other reasons.
    public var addresses: [IPAddress]
}

/// Why an announcement is refused, as the announcer is told.
public enum RefusalReason: UInt8, Sendable, CaseIterable {
    case invalidSVID = 1
    case notAWorkload = 2
    case bindingMissing = 3
    case boundToOtherNode = 4
    case badSignature = 5
    case identityMismatch = 6
    case identityChanged = 7
    case duplicateIdentity = 8
    case noAddresses = 9
    case addressRepeated = 10
    case addressForbidden = 11
    case addressNotLeased = 12
    case addressConflict = 13
    case addressHeldElsewhere = 14
    case noRoom = 15
    case unknownAnnouncement = 16
    case staleGeneration = 17
    /// From `LinkVersions.notYetValid` on; before, it was an `invalidSVID` like others.
    case notYetValid = 18
}

extension RefusalReason {
    /// Whether who the workload is was not in doubt, only where it is, what there is room for or what time it is: what was proved
    /// of it before stands.
    var leavesIdentity: Bool {
        switch self {
        case .addressForbidden, .addressNotLeased, .addressConflict, .addressHeldElsewhere, .noRoom, .notYetValid: true
        default: false
        }
    }

    /// Whether it may come of a directory that is on its way to one of both: then the same is accepted a moment later.
    var mayBeEarly: Bool {
        switch self {
        case .addressNotLeased, .addressConflict, .addressHeldElsewhere: true
        default: false
        }
    }
}

extension RefusalReason: CustomStringConvertible {
    public var description: String {
        switch self {
        case .invalidSVID: "invalid-svid"
        case .notAWorkload: "not-a-workload"
        case .bindingMissing: "binding-missing"
        case .boundToOtherNode: "bound-to-other-node"
        case .badSignature: "bad-signature"
        case .identityMismatch: "identity-mismatch"
        case .identityChanged: "identity-changed"
        case .duplicateIdentity: "duplicate-identity"
        case .noAddresses: "no-addresses"
        case .addressRepeated: "address-repeated"
        case .addressForbidden: "address-forbidden"
        case .addressNotLeased: "address-not-leased"
        case .addressConflict: "address-conflict"
        case .addressHeldElsewhere: "address-held-elsewhere"
        case .noRoom: "no-room"
        case .unknownAnnouncement: "unknown-announcement"
        case .staleGeneration: "stale-generation"
        case .notYetValid: "not-yet-valid"
        }
    }
}

extension FieldWriter {
    mutating func chain(_ chain: [[UInt8]]) { list(chain) { $0.field($1) } }
    mutating func addresses(_ addresses: [IPAddress]) { list(addresses) { $0.fixed($1.bytes) } }
}

extension FieldReader {
    mutating func chain() throws(WireError) -> [[UInt8]] {
        let chain = try list(atMost: LinkLimits.chainCertificates) { fields throws(WireError) in
            try fields.field(atMost: LinkLimits.certificateBytes)
        }
        let bytes = chain.map(\.count).reduce(0, +)
        guard bytes <= LinkLimits.chainBytes else { throw .tooLong(bytes, limit: LinkLimits.chainBytes) }
        return chain
    }

    mutating func addresses() throws(WireError) -> [IPAddress] {
        try list(atMost: LinkLimits.addressesPerAnnouncement) { fields throws(WireError) in
            guard let address = IPAddress(bytes: try fields.fixed(16)) else { throw .badValue("address") }
            return address
        }
    }

    mutating func nonce() throws(WireError) -> [UInt8] { try fixed(LinkLimits.nonceBytes) }
    mutating func signature() throws(WireError) -> [UInt8] { try field(atMost: LinkLimits.signatureBytes) }

    mutating func spi() throws(WireError) -> SPI {
        let spi = SPI(rawValue: try integer())
        guard spi.isUsable else { throw .badValue("SPI") }
        return spi
    }
}
