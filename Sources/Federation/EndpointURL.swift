internal import PrintableText

/// Where a bundle endpoint is: an `https` URL without a user and without a fragment (SPIFFE_Federation.md section 5.2).
public struct EndpointURL: Sendable, Hashable {
    /// As it was given.
    public let text: String
    /// A DNS name or an address, an IPv6 address without brackets.
    public let host: String
    public let port: UInt16
    /// Path and query, as a request line has them.
    public let target: String

    public static let longest = 2048

    public init(_ text: String) throws(FederationError) {
        guard text.utf8.count <= Self.longest, text.utf8.allSatisfy(Self.allows), text.utf8.starts(with: Self.scheme)
        else { throw .badURL(text) }
        let rest = text.dropFirst(Self.scheme.count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let target = rest[authority.endIndex...]
        guard let (host, port) = Self.split(authority) else { throw .badURL(text) }
        self.text = text
        self.host = host
        self.port = port
        self.target = target.hasPrefix("/") ? String(target) : "/" + target
    }

    private static let scheme = Array("https://".utf8)

    /// Visible ASCII; no fragment, no user, and nothing that a request line would be split by.
    private static func allows(_ byte: UInt8) -> Bool {
        (0x21...0x7e).contains(byte) && !"#@\\\"<>^`{|}".utf8.contains(byte)
    }

    private static func split(_ authority: Substring) -> (host: String, port: UInt16)? {
        let isBracketed = authority.hasPrefix("[")
        guard
            let end = isBracketed ? authority.firstIndex(of: "]") : authority.firstIndex(of: ":") ?? authority.endIndex
        else { return nil }
        let host = isBracketed ? authority[authority.index(after: authority.startIndex)..<end] : authority[..<end]
        let rest = isBracketed ? authority[authority.index(after: end)...] : authority[end...]
        guard !host.isEmpty, host.utf8.allSatisfy({ isOfName($0) || isBracketed && $0 == UInt8(ascii: ":") }) else {
            return nil
        }
        if rest.isEmpty { return (String(host), 443) }
        let digits = rest.dropFirst()
        guard rest.hasPrefix(":"), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(digits),
            port > 0
        else { return nil }
        return (String(host), port)
    }

    private static func isOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}
