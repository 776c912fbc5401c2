/// What the kernel said of one packet, with names in place of numbers where they are known.
public struct PacketReport: Sendable, Equatable {
    public var isDropped: Bool
    /// Stable word of the kernel programs' closed list, such as `bad-tag`.
    public var reason: String
    /// `from_pod`, `to_uplink`, `from_uplink` or `to_pod`.
    public var hook: String
    /// Of the hook; empty if it is gone.
    public var interface = ""
    /// Of the inner packet where it is known, else of the outer.
    public var source = ""
    public var sourcePort: UInt16 = 0
    public var destination = ""
    public var destinationPort: UInt16 = 0
    /// IP protocol number.
    public var transport: UInt8 = 0
    /// Bytes of the IP packet.
    public var length: UInt16 = 0
    /// 0 when unknown, as all numbers below.
    public var sourceIdentity: UInt32 = 0
    public var destinationIdentity: UInt32 = 0
    public var sourceSPIFFEID = ""
    public var destinationSPIFFEID = ""
    /// Name of the other node.
    public var peer = ""
    public var spi: UInt32 = 0
    public var sequence: UInt64 = 0
    /// Name of the local pod.
    public var pod = ""
    /// errno of a kernel helper that failed.
    public var helperError: UInt32 = 0

    public init(isDropped: Bool, reason: String, hook: String) {
        self.isDropped = isDropped
        self.reason = reason
        self.hook = hook
    }
}

extension Event {
    public static func packet(_ packet: PacketReport) -> Event {
        Event(packet.isDropped ? .packetDropped : .packetForwarded, packet.sentence, packet.fields, packet: packet)
    }
}

extension PacketReport {
    public var verdict: String { isDropped ? "dropped" : "forwarded" }

    fileprivate var sentence: String {
        let ends = "\(Self.end(source, sourcePort)) to \(Self.end(destination, destinationPort)): "
        let place = interface.isEmpty ? hook : "\(hook) of \(interface)"
        let association = spi == 0 ? "" : ", SPI 0x\(String(spi, radix: 16))"
        return "\(verdict) at \(place): \(source.isEmpty ? "" : ends)\(reason)\(association)"
    }

    private static func end(_ address: String, _ port: UInt16) -> String {
        guard port != 0 else { return address }
        return address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
    }

    fileprivate var fields: [EventField: String] {
        [
            .verdict: verdict, .reason: reason, .hook: hook, .interface: interface, .source: source,
            .sourcePort: known(sourcePort), .destination: destination, .destinationPort: known(destinationPort),
            .transport: "\(transport)", .length: "\(length)", .sourceIdentity: known(sourceIdentity),
            .destinationIdentity: known(destinationIdentity), .sourceSPIFFEID: sourceSPIFFEID,
            .destinationSPIFFEID: destinationSPIFFEID, .peer: peer, .spi: known(spi), .sequence: known(sequence),
            .pod: pod, .helperError: known(helperError),
        ]
    }

    private func known(_ number: some BinaryInteger) -> String { number == 0 ? "" : "\(number)" }
}
