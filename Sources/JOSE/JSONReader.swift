/// Reads one JSON text (RFC 8259) and leaves nothing to taste: UTF-8, no name twice in an object, no number that
/// another reader might take for a different one, no lone surrogate, no byte after it, and no more nesting than
/// allowed.
package struct JSONReader {
    private let bytes: [UInt8]
    private var place = 0
    private var depth = 0

    /// Arrays and objects inside one another.
    static let deepest = 16

    package static func read(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
        guard String(validating: bytes, as: UTF8.self) != nil else { throw .notUTF8 }
        var reader = JSONReader(bytes: bytes)
        let value = try reader.readValue()
        reader.skipSpace()
        guard reader.next == nil else { throw .unexpected(place: reader.place) }
        return value
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

    private mutating func skipSpace() {
        while let next, [0x20, 0x09, 0x0a, 0x0d].contains(next) { place += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) throws(JSONError) {
        guard next == UInt8(ascii: character) else { throw .unexpected(place: place) }
        place += 1
    }

    private mutating func takes(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    private mutating func readValue() throws(JSONError) -> JSONValue {
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return .object(try nested { (reader) throws(JSONError) in try reader.readObject() })
        case UInt8(ascii: "["): return .array(try nested { (reader) throws(JSONError) in try reader.readArray() })
        case UInt8(ascii: "\""): return .string(try readString())
        case UInt8(ascii: "t"): return try readWord("true", .bool(true))
        case UInt8(ascii: "f"): return try readWord("false", .bool(false))
        case UInt8(ascii: "n"): return try readWord("null", .null)
        default: return try readNumber()
        }
    }

    private mutating func readWord(_ word: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
        guard bytes[place...].starts(with: word.utf8) else { throw .unexpected(place: place) }
        place += word.utf8.count
        return value
    }

    private mutating func nested<Value>(
        _ body: (inout JSONReader) throws(JSONError) -> Value
    ) throws(JSONError) -> Value {
        depth += 1
        guard depth <= Self.deepest else { throw .tooDeep }
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func readArray() throws(JSONError) -> [JSONValue] {
        try take("[")
        var elements: [JSONValue] = []
        skipSpace()
        if takes("]") { return elements }
        while true {
            elements.append(try readValue())
            skipSpace()
            if takes("]") { return elements }
            try take(",")
        }
    }

    private mutating func readObject() throws(JSONError) -> JSONObject {
        try take("{")
        var object = JSONObject()
        // Names that are canonically equivalent count as one as well, whatever a reader after us thinks.
        var names: Set<String> = []
        skipSpace()
        if takes("}") { return object }
        while true {
            skipSpace()
            let name = try readString()
            guard names.insert(name).inserted else { throw .duplicateMember(name) }
            skipSpace()
            try take(":")
            object.append(name, try readValue())
            skipSpace()
            if takes("}") { return object }
            try take(",")
        }
    }
}

// MARK: Numbers

extension JSONReader {
    private mutating func readNumber() throws(JSONError) -> JSONValue {
        let start = place
        _ = takes("-")
        if !takes("0") { try readDigits() }
        var isInteger = true
        if takes(".") {
            isInteger = false
            try readDigits()
        }
        if takes("e") || takes("E") {
            isInteger = false
            if !takes("+") { _ = takes("-") }
            try readDigits()
        }
        return try Self.number(String(decoding: bytes[start..<place], as: UTF8.self), isInteger: isInteger)
    }

    private mutating func readDigits() throws(JSONError) {
        let start = place
        while let next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(next) { place += 1 }
        guard place > start else { throw .unexpected(place: place) }
    }

    private static func number(_ text: String, isInteger: Bool) throws(JSONError) -> JSONValue {
        if isInteger {
            guard let value = Int64(text), value.magnitude <= JSONValue.largestInteger else {
                throw .numberOutOfRange
            }
            return .integer(value)
        }
        guard let value = Double(text), value.isFinite else { throw .numberOutOfRange }
        return .number(value)
    }
}

// MARK: Strings

extension JSONReader {
    private mutating func readString() throws(JSONError) -> String {
        try take("\"")
        var text: [UInt8] = []
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                place += 1
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): text += try readEscape().utf8
            case 0..<0x20: throw .unexpected(place: place)
            default:
                text.append(byte)
                place += 1
            }
        }
        throw .unexpected(place: place)
    }

    private mutating func readEscape() throws(JSONError) -> String {
        place += 1
        guard let letter = next else { throw .unexpected(place: place) }
        place += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return String(Unicode.Scalar(letter))
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return String(try readScalar())
        default: throw .unexpected(place: place - 1)
        }
    }

    /// After `\u`: four digits, or two times four that are a surrogate pair (RFC 8259 section 7).
    private mutating func readScalar() throws(JSONError) -> Unicode.Scalar {
        let first = try readCodeUnit()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xdc00 else { throw .loneSurrogate }
        guard takes("\\"), takes("u") else { throw .loneSurrogate }
        let second = try readCodeUnit()
        guard (0xdc00...0xdfff).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
        else { throw .loneSurrogate }
        return scalar
    }

    private mutating func readCodeUnit() throws(JSONError) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = next.flatMap({ Character(Unicode.Scalar($0)).hexDigitValue }) else {
                throw .unexpected(place: place)
            }
            unit = unit << 4 | UInt32(digit)
            place += 1
        }
        return unit
    }
}

/// Why bytes are not the JSON that is accepted.
public enum JSONError: Error, Sendable, Equatable {
    case notUTF8
    /// At this byte there is something else than JSON has there, or the end.
    case unexpected(place: Int)
    case tooDeep
    case duplicateMember(String)
    case numberOutOfRange
    case loneSurrogate
    /// It is JSON, but no object.
    case notAnObject
}
