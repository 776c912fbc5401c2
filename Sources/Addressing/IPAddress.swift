/// An IPv4 or IPv6 address as 16 bytes; IPv4 is held IPv4-mapped (`::ffff:a.b.c.d`, RFC 4291 section 2.5.5.2),
/// which is also the form of every address in the kernel maps.
public struct IPAddress: Hashable, Sendable, Comparable {
    /// 16 bytes, network order.
    public let bytes: [UInt8]

    /// Fails unless there are 16 bytes (either family) or 4 (IPv4).
    public init?(bytes: some Collection<UInt8>) {
        switch bytes.count {
        case 16: self.bytes = Array(bytes)
        case 4: self.bytes = Self.mappedPrefix + bytes
        default: return nil
        }
    }

    public var isIPv4: Bool { bytes.starts(with: Self.mappedPrefix) }

    /// The address in its family's own length: 4 bytes or 16.
    public var packed: [UInt8] { isIPv4 ? Array(bytes[12...]) : bytes }

    /// `224.0.0.0/4` and `ff00::/8`.
    public var isMulticast: Bool { isIPv4 ? bytes[12] & 0xf0 == 0xe0 : bytes[0] == 0xff }

    public static func < (a: IPAddress, b: IPAddress) -> Bool {
        a.bytes.lexicographicallyPrecedes(b.bytes)
    }

    /// What one holder is sure to have: an IPv4 address alone, an IPv6 /64 (RFC 7421). Limits per stranger count these.
    public var site: IPPrefix { IPPrefix(containing: self, length: isIPv4 ? 32 : 64)! }

    static let mappedPrefix: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
}

extension IPAddress: LosslessStringConvertible {
    /// Parses dotted-quad IPv4 (four decimal parts, no leading zeros) or RFC 4291 IPv6 text; no zone, no port.
    public init?(_ text: String) {
        guard let bytes = text.contains(":") ? Self.parseIPv6(text) : Self.parseIPv4(text) else { return nil }
        self.init(bytes: bytes)
    }

    /// RFC 5952 canonical text for IPv6, dotted quad for IPv4.
    public var description: String {
        if isIPv4 { return bytes[12...].map(String.init).joined(separator: ".") }
        let groups = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        let hex = groups.map { String($0, radix: 16) }
        guard let zeros = Self.longestZeroRun(groups) else { return hex.joined(separator: ":") }
        return hex[..<zeros.lowerBound].joined(separator: ":") + "::" + hex[zeros.upperBound...].joined(separator: ":")
    }

    private static func parseIPv4(_ text: some StringProtocol) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            guard part.utf8.allSatisfy({ (48...57).contains($0) }), let value = UInt8(part),
                part.count == 1 || part.first != "0"
            else { return nil }
            bytes.append(value)
        }
        return bytes
    }

    private static func parseIPv6(_ text: String) -> [UInt8]? {
        let halves = text.split(separator: "::", maxSplits: 2, omittingEmptySubsequences: false)
        switch halves.count {
        case 1:
            guard let bytes = groups(halves[0], endsText: true), bytes.count == 16 else { return nil }
            return bytes
        case 2:
            guard let head = halves[0].isEmpty ? [] : groups(halves[0], endsText: false),
                let tail = halves[1].isEmpty ? [] : groups(halves[1], endsText: true), head.count + tail.count <= 14
            else { return nil }
            return head + Array(repeating: 0, count: 16 - head.count - tail.count) + tail
        default: return nil
        }
    }

    /// Colon-separated groups of one to four hex digits; a dotted quad may stand at the end of the whole text.
    private static func groups(_ text: Substring, endsText: Bool) -> [UInt8]? {
        var bytes: [UInt8] = []
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if endsText, index == parts.count - 1, part.contains(".") {
                guard let quad = parseIPv4(part) else { return nil }
                bytes += quad
            } else {
                guard (1...4).contains(part.utf8.count), part.allSatisfy(\.isHexDigit),
                    let value = UInt16(part, radix: 16)
                else { return nil }
                bytes += [UInt8(value >> 8), UInt8(value & 0xff)]
            }
        }
        return bytes
    }

    /// The first of the longest runs of two or more zero groups (RFC 5952 section 4.2).
    private static func longestZeroRun(_ groups: [UInt16]) -> Range<Int>? {
        var best: Range<Int>?
        var start: Int?
        for index in 0...groups.count {
            if index < groups.count, groups[index] == 0 {
                start = start ?? index
            } else if let begin = start {
                if index - begin > max(best?.count ?? 0, 1) { best = begin..<index }
                start = nil
            }
        }
        return best
    }
}
