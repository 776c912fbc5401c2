/// What the kernel programs did with a packet, and why: the ABI's closed list (`enum ps_reason`), values never re-used.
public enum PacketOutcome: UInt32, Sendable, CaseIterable, Hashable {
    // Let through.
    case sealed = 1
    case opened = 2
    case local = 3
    case hostLocal = 4
    case toHost = 5
    case world = 6
    case neighbour = 7
    case notOurs = 8
    // Dropped.
    case spoofedSource = 32
    case noIdentity = 33
    case noSession = 34
    case unknownDestination = 35
    case saExpired = 37
    case seqExhausted = 38
    case unknownSPI = 39
    case replay = 40
    case badTag = 41
    case badInner = 42
    case unboundSource = 43
    case notLocal = 44
    case multicast = 45
    case clearInbound = 46
    case unstamped = 47
    case hostUnsupported = 48
    case tooBig = 49
    case fragment = 50
    case gso = 51
    case malformed = 52
    case unsupported = 53
    case helperFailed = 54
    case notReady = 55
    case identityLost = 56
    case routerAdvert = 57
    case loop = 58
    case badSlot = 59
    case noRoute = 60
    case hopLimit = 61

    public var isDrop: Bool { rawValue >= Self.spoofedSource.rawValue }
}

extension PacketOutcome {
    /// The stable name in logs, metrics and command output.
    public var name: String {
        switch self {
        case .sealed: "sealed"
        case .opened: "opened"
        case .local: "local"
        case .hostLocal: "host-local"
        case .toHost: "to-host"
        case .world: "world"
        case .neighbour: "neighbour"
        case .notOurs: "not-ours"
        case .spoofedSource: "spoofed-source"
        case .noIdentity: "no-identity"
        case .noSession: "no-session"
        case .unknownDestination: "unknown-destination"
        case .saExpired: "sa-expired"
        case .seqExhausted: "seq-exhausted"
        case .unknownSPI: "unknown-spi"
        case .replay: "replay"
        case .badTag: "bad-tag"
        case .badInner: "bad-inner"
        case .unboundSource: "unbound-source"
        case .notLocal: "not-local"
        case .multicast: "multicast"
        case .clearInbound: "clear-inbound"
        case .unstamped: "unstamped"
        case .hostUnsupported: "host-unsupported"
        case .tooBig: "too-big"
        case .fragment: "fragment"
        case .gso: "gso"
        case .malformed: "malformed"
        case .unsupported: "unsupported"
        case .helperFailed: "helper-failed"
        case .notReady: "not-ready"
        case .identityLost: "identity-lost"
        case .routerAdvert: "router-advert"
        case .loop: "loop"
        case .badSlot: "bad-slot"
        case .noRoute: "no-route"
        case .hopLimit: "hop-limit"
        }
    }
}

/// Packets and bytes that met one outcome since the maps were made, all CPUs together.
public struct OutcomeCounter: Hashable, Sendable, Codable {
    public let outcome: PacketOutcome
    public let packets: UInt64
    public let bytes: UInt64
}

extension PacketOutcome: Codable, CustomStringConvertible {
    public var description: String { name }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let name = try container.decode(String.self)
        guard let outcome = Self.allCases.first(where: { $0.name == name }) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "no outcome is named '\(name)'")
        }
        self = outcome
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(name)
    }
}
