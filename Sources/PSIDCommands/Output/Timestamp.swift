import FoundationEssentials

/// A moment, in RFC 3339 and UTC.
struct Timestamp: Encodable, Equatable, CustomStringConvertible {
    private let date: Date
    private let hasFraction: Bool

    /// - Parameter unix: seconds since 1970; 0, "not known", is nil.
    init?(unix: Int64) {
        guard unix != 0 else { return nil }
        date = Date(timeIntervalSince1970: Double(unix))
        hasFraction = false
    }

    /// Shown to the millisecond.
    init(nanoseconds: Int64) {
        date = Date(timeIntervalSince1970: Double(nanoseconds / 1_000_000) / 1000)
        hasFraction = true
    }

    var description: String { date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: hasFraction)) }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
