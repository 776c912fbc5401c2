/// Reads an input as decisions: what to do next, and to which bytes. An input that has ended decides nothing more.
struct InputReader {
    private var rest: ArraySlice<UInt8>

    init(_ input: [UInt8]) { rest = input[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    /// One of so many.
    mutating func index(below count: Int) -> Int {
        count < 256 ? Int(byte()) % count : (Int(byte()) << 8 | Int(byte())) % count
    }

    /// So many as there are, and no more than are asked for.
    mutating func bytes(_ count: Int) -> [UInt8] {
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    /// What somebody sent, as somebody else may have changed it on its way.
    mutating func edited(_ genuine: [UInt8]) -> [UInt8] {
        var edited = genuine
        for _ in 0..<index(below: 5) where !edited.isEmpty { edit(&edited) }
        return edited
    }

    private mutating func edit(_ bytes: inout [UInt8]) {
        let place = index(below: bytes.count)
        let range = place..<min(place + 1 + index(below: 64), bytes.count)
        switch index(below: 5) {
        case 0: bytes[place] ^= max(byte(), 1)
        case 1: bytes.removeSubrange(range)
        case 2: bytes.insert(contentsOf: bytes[range], at: place)
        case 3: bytes.replaceSubrange(range, with: self.bytes(range.count))
        default: bytes.insert(contentsOf: self.bytes(range.count), at: place)
        }
    }
}
