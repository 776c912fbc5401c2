/// The answer to a request of HTTP/1.1 (RFC 9112), as far as an API needs it.
package struct HTTPResponse: Equatable {
    package let status: Int
    package let body: [UInt8]
    /// Whether the connection can have another request.
    package let staysOpen: Bool

    /// Most bytes of an answer, its head included, where nothing else is said.
    package static let largest = 1 << 18
    private static let endOfHead = Array("\r\n\r\n".utf8)

    /// Reads an answer from all that has come.
    ///
    /// - Parameters:
    ///   - isAll: the server has ended.
    ///   - largest: most bytes of an answer, its head included.
    /// - Returns: nil when more has to come.
    package static func read(
        _ bytes: [UInt8], isAll: Bool, largest: Int = Self.largest
    ) throws(HTTPSError) -> HTTPResponse? {
        guard bytes.count <= largest else { throw .badAnswer("it has more than \(largest) bytes") }
        guard let end = bytes.firstRange(of: endOfHead) else {
            guard !isAll else { throw .badAnswer("it ends within its head") }
            return nil
        }
        let head = try Head(String(decoding: bytes[..<end.lowerBound], as: UTF8.self))
        guard head.length ?? 0 <= largest else { throw .badAnswer("its length is not acceptable") }
        var rest = bytes[end.upperBound...]
        guard let body = try head.body(&rest, isAll: isAll) else {
            guard !isAll else { throw .badAnswer("it ends early") }
            return nil
        }
        // What comes after an answer belongs to no request.
        guard rest.isEmpty else { throw .badAnswer("there is more than was announced") }
        return HTTPResponse(status: head.status, body: body, staysOpen: head.staysOpen && !isAll)
    }
}

/// Status line and fields.
private struct Head {
    let status: Int
    private(set) var length: Int?
    private var isChunked = false
    private(set) var staysOpen = true

    init(_ text: String) throws(HTTPSError) {
        let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
        status = try Self.status(lines[0])
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { throw .badAnswer("a field has no name") }
            let value = line[line.index(after: colon)...].trimmingSpaces
            try take(line[..<colon].lowercased(), value.lowercased())
        }
        if isChunked, length != nil { throw .badAnswer("its length is said in two ways") }
    }

    private static func status(_ line: Substring) throws(HTTPSError) -> Int {
        let words = line.split(separator: " ", maxSplits: 2)
        guard words.count >= 2, words[0] == "HTTP/1.1", words[1].utf8.count == 3, let status = Int(words[1]),
            (200...599).contains(status)
        else { throw .badAnswer("its first line is no status") }
        return status
    }

    private mutating func take(_ name: String, _ value: String) throws(HTTPSError) {
        switch name {
        case "content-length":
            guard length == nil, value.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains),
                let count = Int(value)
            else { throw .badAnswer("its length is not acceptable") }
            length = count
        case "transfer-encoding":
            guard value == "chunked", !isChunked else { throw .badAnswer("it is encoded in an unknown way") }
            isChunked = true
        case "connection": if value == "close" { staysOpen = false }
        default: break
        }
    }

    /// Takes the body off the front; nil when it is not all there.
    func body(_ rest: inout ArraySlice<UInt8>, isAll: Bool) throws(HTTPSError) -> [UInt8]? {
        if status == 204 { return [] }
        if isChunked { return try Self.chunks(&rest) }
        guard let length else {
            guard isAll else { return nil }
            defer { rest = [] }
            return Array(rest)
        }
        guard rest.count >= length else { return nil }
        defer { rest = rest.dropFirst(length) }
        return Array(rest.prefix(length))
    }

    /// Signs, which `Int` reads, are no digits.
    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        Character(UnicodeScalar(byte)).isHexDigit && byte < 0x80
    }

    /// RFC 9112 section 7.1, without extensions and trailers.
    private static func chunks(_ rest: inout ArraySlice<UInt8>) throws(HTTPSError) -> [UInt8]? {
        var body: [UInt8] = []
        let lineEnd = Array("\r\n".utf8)
        while true {
            guard let end = rest.firstRange(of: lineEnd) else { return nil }
            let digits = String(decoding: rest[..<end.lowerBound], as: UTF8.self)
            guard digits.utf8.count <= 8, digits.utf8.allSatisfy(isHexadecimal), let count = Int(digits, radix: 16)
            else {
                throw .badAnswer("a chunk has no length")
            }
            let chunk = rest[end.upperBound...]
            guard chunk.count >= count + 2 else { return nil }
            guard chunk.dropFirst(count).prefix(2).elementsEqual(lineEnd) else {
                throw .badAnswer("a chunk has no end")
            }
            body += chunk.prefix(count)
            rest = chunk.dropFirst(count + 2)
            if count == 0 { return body }
        }
    }
}

extension StringProtocol {
    fileprivate var trimmingSpaces: SubSequence {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        let start = self[...].drop(while: isSpace)
        return start.lastIndex { !isSpace($0) }.map { start[...$0] } ?? start.prefix(0)
    }
}
