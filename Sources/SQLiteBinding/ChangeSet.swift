import CSQLite

/// What a transaction has changed, row by row: SQLite's session extension says how it is written.
public struct ChangeSet: Sendable, Equatable {
    public let bytes: [UInt8]

    public init(bytes: [UInt8]) { self.bytes = bytes }

    public var isEmpty: Bool { bytes.isEmpty }

    /// Changes another database, which must be as the first was before the transaction: else it throws, and a transaction around
    /// it has to be undone. To be called once `rows` has read it. Columns that the other has besides, at the end, get what they are declared with. C: `sqlite3changeset_apply`.
    ///
    /// - Parameter connection: `sqlite3 *`.
    public func apply(to connection: OpaquePointer) throws(SQLiteError) {
        var bytes = bytes
        let code = unsafe bytes.withUnsafeMutableBytes { bytes in
            unsafe sqlite3changeset_apply(
                connection, Int32(bytes.count), bytes.baseAddress, nil, { _, _, _ in SQLITE_CHANGESET_ABORT }, nil)
        }
        guard code == SQLITE_OK else { throw SQLiteError(operation: "sqlite3changeset_apply", code: code) }
    }

    /// A row that has come, gone or become another.
    public struct Row: Sendable, Hashable {
        public let table: String
        /// How many the table had where it was made.
        public let columns: Int
        /// Its primary key's first column; nil where that is no text.
        public let key: String?
    }

    /// The rows concerned, in no order. Throws where it is not written as SQLite does: then it must not be applied.
    public func rows() throws(SQLiteError) -> [Row] {
        var reader = ChangeSetReader(bytes)
        guard let rows = reader.rows() else { throw SQLiteError(operation: "reading changes", code: SQLITE_CORRUPT) }
        return rows
    }
}
