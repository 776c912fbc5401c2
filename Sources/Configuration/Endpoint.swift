public import Addressing

/// `host:port`, an IPv6 host in brackets.
public struct Endpoint: Sendable, Equatable {
    /// An address, without brackets, or a DNS name.
    public let host: String
    public let port: UInt16

    public init(_ address: IPAddress, port: UInt16) {
        host = address.description
        self.port = port
    }

    /// Nil for anything but a host and a port from 1 on.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0 else {
            return nil
        }
        guard let host = Self.host(text[..<colon]) else { return nil }
        self.host = host
        self.port = port
    }

    /// Nil when the host is a name.
    public var address: IPAddress? { IPAddress(host) }

    private static func host(_ text: Substring) -> String? {
        if text.first == "[", text.last == "]" {
            return IPAddress(String(text.dropFirst().dropLast())).flatMap { $0.isIPv4 ? nil : $0.description }
        }
        return isHostName(text) ? String(text) : nil
    }

    /// Also true for IPv4 addresses.
    private static func isHostName(_ text: Substring) -> Bool {
        (1...253).contains(text.utf8.count)
            && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy(isLabel)
    }

    /// RFC 1123 section 2.1.
    private static func isLabel(_ label: Substring) -> Bool {
        (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
            && label.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
    }
}

extension Endpoint: CustomStringConvertible {
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
