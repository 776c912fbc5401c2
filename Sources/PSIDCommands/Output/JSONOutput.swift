import FoundationEssentials

/// A document with the number of its form. Keys are only ever added to a form; what is taken away or changes its meaning
/// makes a new one. What is not known is left out.
struct Versioned<Body: Encodable>: Encodable {
    let body: Body

    static var schema: Int { 1 }

    private enum Key: CodingKey {
        case schema
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(Self.schema, forKey: .schema)
        try body.encode(to: encoder)
    }
}

extension Console {
    /// One document.
    func print(json body: some Encodable) throws { print(try Self.json(body, .prettyPrinted)) }

    /// One line of many.
    func print(jsonLine body: some Encodable) throws { print(try Self.json(body, [])) }

    static func json(_ body: some Encodable, _ format: JSONEncoder.OutputFormatting) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [format, .sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(Versioned(body: body)), as: UTF8.self)
    }
}
