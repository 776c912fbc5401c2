/// A JSON value (RFC 8259) as the strict reader lets it through.
public enum JSONValue: Sendable {
    case null
    case bool(Bool)
    /// Without fraction and exponent, and no larger than what every JSON reader holds exactly (RFC 7493 section 2.2).
    case integer(Int64)
    /// With fraction or exponent; finite.
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    /// 2^53 - 1.
    static let largestInteger: Int64 = 1 << 53 - 1
}

extension JSONValue {
    public var text: String? { if case .string(let text) = self { text } else { nil } }
    public var integer: Int64? { if case .integer(let value) = self { value } else { nil } }
    public var elements: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }
    public var object: JSONObject? { if case .object(let object) = self { object } else { nil } }
}

/// The members of an object in their order, each name once.
///
/// Not a dictionary of strings, and not `Equatable`: Swift takes texts for equal that are canonically equivalent, such
/// as `K` and the Kelvin sign, and in a token they are not.
public struct JSONObject: Sendable {
    public private(set) var members: [(name: String, value: JSONValue)] = []

    public init() {}

    package init(_ members: KeyValuePairs<String, JSONValue?>) {
        self.members = members.compactMap { name, value in value.map { (name, $0) } }
    }

    public subscript(_ name: String) -> JSONValue? { members.first { $0.name.isSameText(as: name) }?.value }

    mutating func append(_ name: String, _ value: JSONValue) { members.append((name, value)) }
}

extension JSONValue? {
    /// Whether it is there and exactly this text.
    func isText(_ text: String) -> Bool { self?.text?.isSameText(as: text) ?? false }
}

extension String {
    /// Byte by byte in UTF-8.
    func isSameText(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
