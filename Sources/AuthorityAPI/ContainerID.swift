/// What a container runtime calls a container: drawn at random, and never given to another.
public struct ContainerID: Hashable, Sendable {
    /// 64 lower-case hexadecimal digits.
    public let text: String

    public init?(_ text: some StringProtocol) {
        guard text.isLowercaseHexadecimal, text.utf8.count == 64 else { return nil }
        self.text = String(text)
    }
}

extension ContainerID: CustomStringConvertible {
    public var description: String { text }
}

extension StringProtocol {
    /// Whether all of it, if it has anything, is in the digits 0 to 9 and a to f.
    var isLowercaseHexadecimal: Bool {
        utf8.allSatisfy {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
        }
    }
}
