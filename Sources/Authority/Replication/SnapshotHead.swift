/// Which snapshot of a registry it is.
public struct SnapshotHead: Sendable, Equatable {
    /// Of the last entry that it has.
    public let number: UInt64
    /// Bytes of the file.
    public let length: Int
    /// What tells the registry from all others, however alike they are: 32 hexadecimal digits, drawn when it was first shared.
    public let lineage: String

    public init(number: UInt64, length: Int, lineage: String) {
        self.number = number
        self.length = length
        self.lineage = lineage
    }
}

/// As the log keeps it: number and length in decimal, lineage, a space between.
extension SnapshotHead {
    /// Of a snapshot: far beyond what a registry may grow to.
    public static let largest = 1 << 30
    static let lineageLength = 32

    public init(_ bytes: [UInt8]) throws(SharedLogError) {
        let text = String(validating: bytes.prefix(128), as: UTF8.self) ?? ""
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, let number = UInt64(words[0]), let length = Int(words[1]),
            (1...Self.largest).contains(length), number < UInt64(Int64.max), words[2].utf8.count == Self.lineageLength,
            words[2].allSatisfy(\.isHexDigit)
        else { throw .nonsense("no snapshot where there should be one") }
        self.init(number: number, length: length, lineage: String(words[2]))
    }

    public var bytes: [UInt8] { Array("\(number) \(length) \(lineage)".utf8) }
}
