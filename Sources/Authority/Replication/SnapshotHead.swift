internal import Crypto
internal import PrintableText

/// Which snapshot of a registry it is.
public struct SnapshotHead: Sendable, Equatable {
    /// Of the last entry that it has.
    public let number: UInt64
    /// Bytes of the file.
    public let length: Int
    /// SHA-256 of the file, lower-case hexadecimal: two copies of one state are two files.
    public let digest: String
    /// What tells the registry from all others, however alike they are: 32 hexadecimal digits, drawn when it was first shared.
    public let lineage: String

    /// Of a file.
    public init(number: UInt64, lineage: String, file: [UInt8]) {
        self.init(number: number, length: file.count, digest: Self.digest(of: file), lineage: lineage)
    }

    private init(number: UInt64, length: Int, digest: String, lineage: String) {
        self.number = number
        self.length = length
        self.digest = digest
        self.lineage = lineage
    }

    /// Whether this is the file.
    func fits(_ file: [UInt8]) -> Bool { file.count == length && Self.digest(of: file) == digest }

    private static func digest(of file: [UInt8]) -> String { SHA256.hash(data: file).hexadecimal }
}

/// As the log keeps it: number and length in decimal, digest, lineage, a space between.
extension SnapshotHead {
    /// Of a snapshot: far beyond what a registry may grow to.
    public static let largest = 1 << 30
    static let lineageLength = 32
    private static let digestLength = 64

    public init(_ bytes: [UInt8]) throws(SharedLogError) {
        let text = bytes.count <= 256 ? String(validating: bytes, as: UTF8.self) ?? "" : ""
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 4, let number = UInt64(words[0]), number < UInt64(Int64.max), let length = Int(words[1]),
            (1...Self.largest).contains(length), Self.isHexadecimal(words[2], Self.digestLength),
            Self.isHexadecimal(words[3], Self.lineageLength)
        else { throw .nonsense("no snapshot where there should be one") }
        self.init(number: number, length: length, digest: String(words[2]), lineage: String(words[3]))
    }

    private static func isHexadecimal(_ word: Substring, _ length: Int) -> Bool {
        word.utf8.count == length && word.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) }
    }

    public var bytes: [UInt8] { Array("\(number) \(length) \(digest) \(lineage)".utf8) }
}
