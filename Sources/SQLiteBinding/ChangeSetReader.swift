import CSQLite

/// Reads changes as SQLite's session extension writes them (sqlite3session.c, "CHANGESET FORMAT"), and nothing else: SQLite itself
/// reads beyond the end of what is damaged.
///
/// For each table `T`, its number of columns, a byte for each that is not 0 where it is of the primary key, its name and a zero byte; then
/// for each row the operation, a byte of no interest, and a value for each column: of the old row for a deletion, the new one for an
/// insertion, both for an update. A value is its type, then 8 bytes for a number, length and bytes for text and blobs, nothing for null and
/// for what an update does not say.
struct ChangeSetReader {
    private var rest: ArraySlice<UInt8>

    static let mostColumns = 256

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    private struct Table {
        let name: String
        let columns: Int
        let key: Int
    }

    /// Nil when it is none.
    mutating func rows() -> [ChangeSet.Row]? {
        var rows: [ChangeSet.Row] = []
        var table: Table?
        while let kind = byte() {
            if kind == UInt8(ascii: "T") {
                guard let next = self.table() else { return nil }
                table = next
                continue
            }
            guard let table, byte() != nil, let key = key(Int32(kind), table) else { return nil }
            rows.append(ChangeSet.Row(table: table.name, columns: table.columns, key: key.text))
        }
        return rows
    }

    private mutating func table() -> Table? {
        guard let columns = length(), (1...Self.mostColumns).contains(columns), let flags = take(columns),
            let key = flags.firstIndex(where: { $0 != 0 }), let end = rest.firstIndex(of: 0),
            let name = String(validating: rest[..<end], as: UTF8.self), !name.isEmpty
        else { return nil }
        let place = key - flags.startIndex
        rest = rest[(end + 1)...]
        return Table(name: name, columns: columns, key: place)
    }

    private struct Key { let text: String? }

    /// Of one row, which is passed over.
    private mutating func key(_ operation: Int32, _ table: Table) -> Key? {
        let records: Int
        switch operation {
        case SQLITE_INSERT, SQLITE_DELETE: records = 1
        case SQLITE_UPDATE: records = 2
        default: return nil
        }
        var key: Key?
        for column in 0..<records * table.columns {
            guard let value = value() else { return nil }
            if column == table.key { key = value }
        }
        return key
    }

    /// A value, with what it says if it is text.
    private mutating func value() -> Key? {
        guard let type = byte() else { return nil }
        switch Int32(type) {
        case 0, SQLITE_NULL: return Key(text: nil)
        case SQLITE_INTEGER, SQLITE_FLOAT: return take(8).map { _ in Key(text: nil) }
        case SQLITE_TEXT:
            guard let length = length(), let bytes = take(length) else { return nil }
            return String(validating: bytes, as: UTF8.self).map { Key(text: $0) }
        case SQLITE_BLOB:
            guard let length = length() else { return nil }
            return take(length).map { _ in Key(text: nil) }
        default: return nil
        }
    }

    private mutating func byte() -> UInt8? { rest.popFirst() }

    private mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count <= rest.count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    /// Seven bits in each byte, the highest first, and the eighth where another follows; no more than 28 bits are of use here.
    private mutating func length() -> Int? {
        var value = 0
        for _ in 0..<4 {
            guard let byte = byte() else { return nil }
            value = value << 7 | Int(byte & 0x7f)
            if byte < 0x80 { return value }
        }
        return nil
    }
}
