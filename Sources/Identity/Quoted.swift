/// Text that somebody else chose, as it may stand in a message: in quotes, printable ASCII only, and not longer than a line
/// bears. A name cannot begin a new line of a log, move a terminal's cursor, or bury what stands around it.
public struct Quoted: Sendable, CustomStringConvertible {
    public let description: String

    /// Bytes that are shown at most.
    public static let longest = 96

    public init(_ text: some StringProtocol) {
        let shown = text.utf8.prefix(Self.longest).map(Self.escaped).joined()
        description = text.utf8.count > Self.longest ? "'\(shown)...'" : "'\(shown)'"
    }

    private static func escaped(_ byte: UInt8) -> String {
        switch byte {
        case UInt8(ascii: "\\"), UInt8(ascii: "'"): "\\" + String(UnicodeScalar(byte))
        case 0x20...0x7e: String(UnicodeScalar(byte))
        default: "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
    }
}
