import AdminAPI

/// One line of `psid observe -o json`: the packet's facts stand beside those of the event.
struct EventDocument: Encodable {
    let time: Timestamp
    let code: String
    let kind: String
    /// Word of syslog(3).
    let priority: String
    let message: String
    let fields: [String: String]
    let packet: Packet?

    struct Packet: Encodable {
        /// `dropped` or `forwarded`.
        let verdict: String
        let reason: String
        let hook: String
        let interface: String?
        let source: String?
        let sourcePort: UInt32?
        let destination: String?
        let destinationPort: UInt32?
        let `protocol`: UInt32
        let length: UInt32
        let sourceIdentity: UInt32?
        let destinationIdentity: UInt32?
        let sourceSPIFFEID: String?
        let destinationSPIFFEID: String?
        let peer: String?
        let spi: UInt32?
        let sequence: UInt64?
        let pod: String?
        let errno: UInt32?
    }

    private enum Key: CodingKey {
        case time, code, kind, priority, message, fields
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(time, forKey: .time)
        try container.encode(code, forKey: .code)
        try container.encode(kind, forKey: .kind)
        try container.encode(priority, forKey: .priority)
        try container.encode(message, forKey: .message)
        try container.encode(fields, forKey: .fields)
        try packet?.encode(to: encoder)
    }
}

extension EventDocument {
    init(_ event: Podshield_Admin_V1_Event) {
        time = Timestamp(nanoseconds: event.time)
        code = event.code
        kind = event.kind
        priority = Self.word(ofPriority: event.priority)
        message = event.message
        fields = event.fields
        packet = event.hasPacket ? Packet(event.packet) : nil
    }

    private static func word(ofPriority priority: UInt32) -> String {
        let words = ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"]
        return Int(priority) < words.count ? words[Int(priority)] : "unknown"
    }
}

extension EventDocument.Packet {
    init(_ packet: Podshield_Admin_V1_Packet) {
        verdict = packet.verdict.word
        reason = packet.reason
        hook = packet.hook
        interface = packet.interface.known
        source = packet.source.known
        sourcePort = packet.sourcePort.known
        destination = packet.destination.known
        destinationPort = packet.destinationPort.known
        `protocol` = packet.protocol
        length = packet.length
        sourceIdentity = packet.sourceIdentity.known
        destinationIdentity = packet.destinationIdentity.known
        sourceSPIFFEID = packet.sourceSpiffeID.known
        destinationSPIFFEID = packet.destinationSpiffeID.known
        peer = packet.peer.known
        spi = packet.spi.known
        sequence = packet.sequence.known
        pod = packet.pod.known
        errno = packet.error.known
    }
}

extension Podshield_Admin_V1_Verdict {
    var word: String {
        switch self {
        case .forwarded: "forwarded"
        case .dropped: "dropped"
        case .unspecified, .UNRECOGNIZED: "unknown"
        }
    }
}
