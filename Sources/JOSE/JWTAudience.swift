internal import PrintableText

/// Whom a JWT-SVID is asked for: names of verifiers in the order of their bytes, each once.
public struct JWTAudience: Sendable {
    public let values: [String]

    public static let most = 32
    /// Bytes of all values together: with a SPIFFE ID beside them a token stays within what the verifier takes.
    public static let largest = 4096

    public init(_ values: [String]) throws(JWTAudienceError) {
        guard !values.isEmpty else { throw .empty }
        guard values.count <= Self.most else { throw .tooMany(values.count) }
        let bytes = values.map(\.utf8.count).reduce(0, +)
        guard bytes <= Self.largest else { throw .tooLarge(bytes: bytes) }
        for value in values where !Self.isName(value) { throw .badValue(value) }
        let sorted = values.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        self.values = sorted.indices.filter { $0 == 0 || !sorted[$0].isSameText(as: sorted[$0 - 1]) }.map { sorted[$0] }
    }

    /// Not empty, and without the control characters of ASCII and Latin-1.
    private static func isName(_ value: String) -> Bool {
        !value.isEmpty && !value.unicodeScalars.contains { $0.value < 0x20 || (0x7f...0x9f).contains($0.value) }
    }
}

extension JWTAudience: Hashable {
    /// Byte by byte, as verifiers compare.
    public static func == (a: JWTAudience, b: JWTAudience) -> Bool {
        a.values.elementsEqual(b.values) { $0.isSameText(as: $1) }
    }

    public func hash(into hasher: inout Hasher) {
        for value in values { hasher.combine(Array(value.utf8)) }
    }
}

/// Why there is no token for an audience.
public enum JWTAudienceError: Error, Sendable, Equatable {
    case empty
    case tooMany(Int)
    case tooLarge(bytes: Int)
    case badValue(String)
}

extension JWTAudienceError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .empty: "no audience is given"
        case .tooMany(let count): "\(count) audiences are too many, \(JWTAudience.most) are allowed"
        case .tooLarge(let bytes): "the audiences have \(bytes) bytes, \(JWTAudience.largest) are allowed"
        case .badValue(let value): "audience \(value.quoted) is empty or has control characters"
        }
    }
}
