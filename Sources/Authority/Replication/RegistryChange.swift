package import SQLiteBinding

/// One transaction of the registry's as the log carries it: a format (1 byte), the version of the tables (2 bytes, big endian), what
/// tells it from all others (16 bytes), the same of the one before it, and the changes as SQLite writes them.
package struct RegistryChange: Sendable, Equatable {
    /// How many migrations the tables have had where it was made.
    let schema: UInt16
    let id: [UInt8]
    /// Of the entry before: zeros before the first.
    let previous: [UInt8]
    package let changes: ChangeSet

    static let idLength = 16
    private static let format: UInt8 = 1
    static let none = [UInt8](repeating: 0, count: idLength)
    private static let headLength = 3 + 2 * idLength
    /// etcd takes requests of 1.5 MiB. Room for a name that is revoked with as many certificates as a list may have.
    static let largest = 1_400_000

    init(schema: UInt16, id: [UInt8], after previous: [UInt8], changes: ChangeSet) {
        precondition(id.count == Self.idLength && previous.count == Self.idLength)
        self.schema = schema
        self.id = id
        self.previous = previous
        self.changes = changes
    }

    package init(_ entry: LogEntry) throws(SharedLogError) {
        let bytes = entry.bytes
        guard bytes.count > Self.headLength, bytes.count <= Self.largest else {
            throw .nonsense("an entry of \(bytes.count) bytes, number \(entry.number)")
        }
        guard bytes[0] == Self.format else { throw .newer }
        schema = UInt16(bytes[1]) << 8 | UInt16(bytes[2])
        id = Array(bytes[3..<3 + Self.idLength])
        previous = Array(bytes[3 + Self.idLength..<Self.headLength])
        changes = ChangeSet(bytes: Array(bytes[Self.headLength...]))
    }

    package func encoded() throws(SharedLogError) -> [UInt8] {
        let bytes = [Self.format, UInt8(schema >> 8), UInt8(schema & 0xff)] + id + previous + changes.bytes
        guard bytes.count <= Self.largest else { throw .tooLarge(bytes.count) }
        return bytes
    }
}
