/// Writes the fixed fields and length-prefixed fields that messages and hashed contexts consist of. Big-endian.
struct FieldWriter {
    private(set) var bytes: [UInt8] = []

    mutating func integer(_ value: some FixedWidthInteger) { bytes += bigEndian(value) }

    /// Bytes of a length that both ends know.
    mutating func fixed(_ value: [UInt8]) { bytes += value }

    /// `length(u16) || value`. Longer values are our own bug.
    mutating func field(_ value: [UInt8]) {
        integer(UInt16(value.count))
        bytes += value
    }

    mutating func field(_ value: String) { field(Array(value.utf8)) }

    /// `count(u16)`, then each item.
    mutating func list<Item>(_ items: [Item], _ write: (inout FieldWriter, Item) -> Void) {
        integer(UInt16(items.count))
        for item in items { write(&self, item) }
    }
}

func bigEndian<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
    stride(from: Integer.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> Integer($0)) }
}
