/// A pod's UID, as Kubernetes gives it: a UUID, and another for a pod that takes the name of one that has gone.
public struct PodUID: Hashable, Sendable {
    /// In lower case.
    public let text: String

    /// Nil for what is no UUID (RFC 9562 section 4).
    public init?(_ text: String) {
        let groups = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard groups.map(\.count) == [8, 4, 4, 4, 12], groups.allSatisfy({ $0.allSatisfy(Self.isHexDigit) }) else {
            return nil
        }
        self.text = text.lowercased()
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}

extension PodUID: CustomStringConvertible {
    public var description: String { text }
}
