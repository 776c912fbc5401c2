extension JSONValue {
    /// Compact JSON text, members in their order. The reader reads back the same value.
    public var encoded: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .string(let text): Self.quoted(text)
        case .array(let elements): "[\(elements.map(\.encoded).joined(separator: ","))]"
        case .object(let object): object.encoded
        }
    }

    fileprivate static func quoted(_ text: String) -> String {
        guard text.utf8.contains(where: mustBeEscaped) else { return "\"\(text)\"" }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case "\0"..<" ":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    private static func mustBeEscaped(_ byte: UInt8) -> Bool {
        byte < UInt8(ascii: " ") || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }
}

extension JSONObject {
    public var encoded: String {
        "{\(members.map { "\(JSONValue.quoted($0.name)):\($0.value.encoded)" }.joined(separator: ","))}"
    }

    /// Reads one object.
    init(_ bytes: [UInt8]) throws(JSONError) {
        guard let object = try JSONReader.read(bytes).object else { throw .notAnObject }
        self = object
    }
}
