/// What stands before a plain file in an archive of the format `ustar` (POSIX.1-2017, pax). Nothing else is written, and nothing
/// else is read: no directory, no link, no extension.
package struct TarHeader: Equatable {
    package static let blockBytes = 512
    package static let longestName = 100
    /// The size has eleven octal digits.
    package static let largestFile = 1 << 33 - 1

    /// 1 to 100 bytes of ASCII.
    package let name: String
    /// Of the file.
    package let byteCount: Int
    /// Seconds since 1970.
    let time: Int64

    /// What the file is filled up with to whole blocks.
    package var padding: Int { (Self.blockBytes - byteCount % Self.blockBytes) % Self.blockBytes }

    /// Two blocks of zeros.
    package static let end = [UInt8](repeating: 0, count: 2 * blockBytes)

    // Offsets and lengths of the fields.
    private static let nameField = 0..<longestName
    private static let mode = 100..<108
    private static let owner = 108..<116
    private static let group = 116..<124
    private static let size = 124..<136
    private static let modified = 136..<148
    private static let checksum = 148..<156
    private static let kind = 156
    private static let magic = 257..<265

    private static let plainFile = UInt8(ascii: "0")
    private static let format = Array("ustar\u{0}00".utf8)

    package var encoded: [UInt8] {
        var block = [UInt8](repeating: 0, count: Self.blockBytes)
        block.replaceSubrange(0..<name.utf8.count, with: name.utf8)
        block.replaceSubrange(Self.mode, with: Self.octal(0o600, Self.mode))
        block.replaceSubrange(Self.owner, with: Self.octal(0, Self.owner))
        block.replaceSubrange(Self.group, with: Self.octal(0, Self.group))
        block.replaceSubrange(Self.size, with: Self.octal(byteCount, Self.size))
        block.replaceSubrange(Self.modified, with: Self.octal(Int(time), Self.modified))
        block[Self.kind] = Self.plainFile
        block.replaceSubrange(Self.magic, with: Self.format)
        block.replaceSubrange(Self.checksum, with: Self.octal(Self.sum(block), Self.checksum))
        return block
    }

    /// Nil unless it is exactly what would be written.
    package init?(_ block: [UInt8]) {
        guard block.count == Self.blockBytes, let size = Self.number(block[Self.size]),
            let time = Self.number(block[Self.modified])
        else { return nil }
        let name = block[Self.nameField].prefix { $0 != 0 }
        guard !name.isEmpty, name.allSatisfy({ (0x21...0x7e).contains($0) }) else { return nil }
        self.init(name: String(decoding: name, as: UTF8.self), byteCount: size, time: Int64(time))
        guard encoded == block else { return nil }
    }

    package init(name: String, byteCount: Int, time: Int64) {
        precondition((1...Self.nameField.count).contains(name.utf8.count) && (0...Self.largestFile).contains(byteCount))
        self.name = name
        self.byteCount = byteCount
        self.time = min(max(time, 0), Int64(Self.largestFile))
    }

    /// Digits and a zero byte.
    private static func octal(_ number: Int, _ field: Range<Int>) -> [UInt8] {
        let digits = String(number, radix: 8)
        return Array((String(repeating: "0", count: field.count - 1 - digits.count) + digits).utf8) + [0]
    }

    private static func number(_ field: ArraySlice<UInt8>) -> Int? {
        guard field.last == 0, field.dropLast().allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) })
        else { return nil }
        return Int(String(decoding: field.dropLast(), as: UTF8.self), radix: 8)
    }

    /// As if the field for it held spaces.
    private static func sum(_ block: [UInt8]) -> Int {
        block.reduce(0) { $0 + Int($1) } - block[checksum].reduce(0) { $0 + Int($1) } + checksum.count * 0x20
    }
}
