/// Reads what `FieldWriter` writes. Takes any bytes without trapping.
struct FieldReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func integer<Integer: FixedWidthInteger>(_: Integer.Type = Integer.self) throws(WireError) -> Integer {
        try take(Integer.bitWidth / 8).reduce(0) { $0 << 8 | Integer(truncatingIfNeeded: $1) }
    }

    mutating func fixed(_ count: Int) throws(WireError) -> [UInt8] { Array(try take(count)) }

    mutating func field(atMost limit: Int) throws(WireError) -> [UInt8] {
        let count = Int(try integer(UInt16.self))
        guard count <= limit else { throw .tooLong(count, limit: limit) }
        return try fixed(count)
    }

    mutating func list<Item>(
        atMost limit: Int, _ read: (inout FieldReader) throws(WireError) -> Item
    ) throws(WireError) -> [Item] {
        let count = Int(try integer(UInt16.self))
        guard count <= limit else { throw .tooMany(count, limit: limit) }
        var items: [Item] = []
        for _ in 0..<count { items.append(try read(&self)) }
        return items
    }

    func finish() throws(WireError) {
        guard rest.isEmpty else { throw .trailingBytes(rest.count) }
    }

    private mutating func take(_ count: Int) throws(WireError) -> ArraySlice<UInt8> {
        guard rest.count >= count else { throw .truncated }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }
}

/// Why bytes are no message.
public enum WireError: Error, Sendable, Equatable {
    case frameTooLong(Int)
    case emptyFrame
    case unknownType(UInt8)
    case truncated
    case trailingBytes(Int)
    case tooLong(Int, limit: Int)
    case tooMany(Int, limit: Int)
    case badValue(String)
}

extension WireError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .frameTooLong(let count): "a frame of \(count) bytes, at most \(LinkLimits.frameBytes) are allowed"
        case .emptyFrame: "a frame without a type"
        case .unknownType(let type): "message type \(type) is not known"
        case .truncated: "a message ends early"
        case .trailingBytes(let count): "\(count) bytes follow the end of a message"
        case .tooLong(let count, let limit): "a field of \(count) bytes, at most \(limit) are allowed"
        case .tooMany(let count, let limit): "\(count) items, at most \(limit) are allowed"
        case .badValue(let field): "\(field) has a value that is not allowed"
        }
    }
}
