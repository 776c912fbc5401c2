import Authority
import SQLiteBinding

/// An entry of the log that authorities share, or the name of a snapshot. One that is accepted says what it is in one way only, and
/// what it changes can be read to its end or not at all.
func fuzzRegistryChange(_ input: [UInt8]) {
    if let head = try? SnapshotHead(input) { precondition((try? SnapshotHead(head.bytes)) == head) }
    _ = try? ChangeSet(bytes: input).rows()
    guard let change = try? RegistryChange(LogEntry(number: 1, bytes: input)) else { return }
    precondition((try? change.encoded()) == input)
    guard let rows = try? change.changes.rows() else { return }
    precondition(rows.count <= input.count)
}
