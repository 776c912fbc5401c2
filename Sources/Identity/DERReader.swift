/// A strict reader of DER (X.690 section 10): one-byte tags, definite lengths in their shortest form, content that is
/// all there.
package struct DERReader {
    private var rest: ArraySlice<UInt8>

    package init(_ bytes: [UInt8]) { rest = bytes[...] }

    package var isAtEnd: Bool { rest.isEmpty }
    /// The tag of the next element; nil at the end.
    package var nextTag: UInt8? { rest.first }

    /// The content of the next element, which must carry this tag.
    package mutating func read(_ tag: DERTag) throws(DERError) -> [UInt8] {
        guard nextTag == tag.rawValue else { throw .unexpectedTag }
        return try readAny().content
    }

    package mutating func readAny() throws(DERError) -> (tag: UInt8, content: [UInt8]) {
        let tag = try readByte()
        // 31 announces a tag of several bytes; nothing we read has one.
        guard tag & 0x1f != 0x1f else { throw .unexpectedTag }
        let count = try readLength()
        guard count <= rest.count else { throw .truncated }
        defer { rest = rest.dropFirst(count) }
        return (tag, Array(rest.prefix(count)))
    }

    /// The next element as it stands, tag and length before it, which must carry this tag.
    package mutating func readWhole(_ tag: DERTag) throws(DERError) -> [UInt8] {
        let all = rest
        _ = try read(tag)
        return Array(all.dropLast(rest.count))
    }

    /// The content of the only element in `bytes`.
    package static func only(_ tag: DERTag, in bytes: [UInt8]) throws(DERError) -> [UInt8] {
        var reader = DERReader(bytes)
        let content = try reader.read(tag)
        try reader.finish()
        return content
    }

    package func finish() throws(DERError) {
        guard isAtEnd else { throw .trailingBytes }
    }

    private mutating func readByte() throws(DERError) -> UInt8 {
        guard let byte = rest.popFirst() else { throw .truncated }
        return byte
    }

    private mutating func readLength() throws(DERError) -> Int {
        let first = try readByte()
        guard first & 0x80 != 0 else { return Int(first) }
        let count = Int(first & 0x7f)
        guard (1...4).contains(count) else { throw .badLength }
        var length = 0
        for _ in 0..<count {
            length = length << 8 | Int(try readByte())
        }
        guard length >= 0x80, length >> (8 * (count - 1)) != 0 else { throw .badLength }
        return length
    }
}

/// The identifiers of the types that certificates' extensions and revocation lists use.
package enum DERTag: UInt8, Sendable {
    case boolean = 0x01
    case integer = 0x02
    case bitString = 0x03
    case octetString = 0x04
    case null = 0x05
    case objectIdentifier = 0x06
    case enumerated = 0x0a
    case utf8String = 0x0c
    case utcTime = 0x17
    case generalizedTime = 0x18
    case sequence = 0x30
    case set = 0x31
    /// Context tag 0, primitive.
    case context0 = 0x80
    /// dNSName of a GeneralName (RFC 5280 section 4.2.1.6).
    case context2 = 0x82
    /// uniformResourceIdentifier of a GeneralName.
    case context6 = 0x86
    /// Context tags of constructed elements.
    case context0Constructed = 0xa0
}

/// Why bytes are not the DER that was expected.
package enum DERError: Error, Equatable {
    case truncated
    case badLength
    case unexpectedTag
    case trailingBytes
    case badValue
}

extension DERReader {
    /// TRUE is 0xff; FALSE is a default and therefore never written.
    package mutating func readTrue() throws(DERError) {
        guard try read(.boolean) == [0xff] else { throw .badValue }
    }

    /// A non-negative INTEGER in its shortest form, as bytes without leading zeros.
    package mutating func readMagnitude() throws(DERError) -> [UInt8] {
        let content = try read(.integer)
        guard let first = content.first, first & 0x80 == 0 else { throw .badValue }
        guard content.count == 1 || first != 0 || content[1] & 0x80 != 0 else { throw .badValue }
        return Array(content.drop { $0 == 0 })
    }

    /// The same within 32 bits.
    package mutating func readUInt32() throws(DERError) -> UInt32 {
        let magnitude = try readMagnitude()
        guard magnitude.count <= 4 else { throw .badValue }
        return magnitude.reduce(0) { $0 << 8 | UInt32($1) }
    }

    package mutating func readUTF8() throws(DERError) -> String {
        guard let text = String(validating: try read(.utf8String), as: UTF8.self) else { throw .badValue }
        return text
    }
}
