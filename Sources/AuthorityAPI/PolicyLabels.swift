import PrintableText

/// Labels of a pod or of an identity, within the limits that make them safe to store, print and compare: ASCII only, so
/// that no two spellings look or compare alike.
public struct PolicyLabels: Sendable, Equatable {
    public let values: [String: String]

    public init(_ values: [String: String]) throws(LabelError) {
        guard values.count <= AuthorityWire.mostLabels else { throw .tooMany(values.count) }
        for (key, value) in values {
            guard !key.isEmpty, Self.isWithinLimits(key, extra: "./-_") else { throw .badKey(key) }
            guard Self.isWithinLimits(value, extra: "./-_:@+") else { throw .badValue(key: key) }
        }
        self.values = values
    }

    /// The same text for the same labels, whatever their order: `key=value` lines sorted by key. No key has a `=`, nothing
    /// has a line feed.
    public var canonical: String {
        values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)\n" }.joined()
    }

    /// Reads back what `canonical` wrote; nil for anything else.
    public init?(canonical text: String) {
        var values: [String: String] = [:]
        for line in text.split(separator: "\n") {
            guard let sign = line.firstIndex(of: "=") else { return nil }
            values[String(line[..<sign])] = String(line[line.index(after: sign)...])
        }
        guard let labels = try? PolicyLabels(values), labels.canonical == text else { return nil }
        self = labels
    }

    /// Facts hold checked labels.
    public init(of pod: PodFacts) { values = pod.labels }

    private static func isWithinLimits(_ text: String, extra: String) -> Bool {
        text.utf8.count <= AuthorityWire.longestLabel
            && text.utf8.allSatisfy { $0.isASCIILetterOrDigit || extra.utf8.contains($0) }
    }
}

/// Why labels are not accepted.
public enum LabelError: Error, Sendable, Equatable {
    case tooMany(Int)
    case badKey(String)
    case badValue(key: String)
}

extension LabelError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .tooMany(let count): "\(count) labels are too many, \(AuthorityWire.mostLabels) are allowed"
        case .badKey(let key): "label key \(key.quoted) is empty, too long or has a character outside [a-zA-Z0-9./_-]"
        case .badValue(let key): "the value of label '\(key)' is too long or has a character outside [a-zA-Z0-9./_:@+-]"
        }
    }
}

extension UInt8 {
    var isASCIILetterOrDigit: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
