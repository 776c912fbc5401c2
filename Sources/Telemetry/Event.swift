internal import PrintableText

/// Something that happened. Made only by the functions named as the kinds are, each of which states the kind's sentence and
/// fields.
public struct Event: Sendable, Equatable {
    public let kind: EventKind
    /// One sentence on one line: control characters are escaped.
    public let message: String
    /// What is empty or 0 for "not known" is left out. Values are as they came, whatever a peer put into them.
    public let fields: [EventField: String]
    /// Of events about a packet.
    public let packet: PacketReport?

    /// `PSDnnnn` and the sentence.
    public var line: String { "\(kind.code) \(message)" }

    init(
        _ kind: EventKind, _ message: String, _ fields: [EventField: String] = [:], packet: PacketReport? = nil
    ) {
        self.kind = kind
        self.message = message.printable
        self.fields = fields.filter { !$0.value.isEmpty }
        self.packet = packet
    }
}

/// An event with its time and its place among the others.
public struct RecordedEvent: Sendable, Equatable {
    /// Counts from 1, without gaps.
    public let number: UInt64
    /// Nanoseconds since 1970.
    public let time: Int64
    public let event: Event
}
