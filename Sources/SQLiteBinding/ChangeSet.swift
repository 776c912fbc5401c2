import CSQLite

/// What a transaction has changed, row by row: SQLite's session extension says how it is written.
public struct ChangeSet: Sendable, Equatable {
    public let bytes: [UInt8]

    public init(bytes: [UInt8]) { self.bytes = bytes }

    public var isEmpty: Bool { bytes.isEmpty }

    /// Changes another database, which must be as the first was before the transaction: else it throws, and a transaction around
    /// it has to be undone. Columns that the other has besides, at the end, get what they are declared with. C: `sqlite3changeset_apply`.
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

    /// The rows concerned, in no order.
    public func rows() throws(SQLiteError) -> [Row] {
        var bytes = bytes
        var found: [Row] = []
        let code = unsafe bytes.withUnsafeMutableBytes { bytes in
            var iterator: OpaquePointer?
            let code = unsafe sqlite3changeset_start(&iterator, Int32(bytes.count), bytes.baseAddress)
            guard code == SQLITE_OK, let iterator = unsafe iterator else { return code }
            while unsafe sqlite3changeset_next(iterator) == SQLITE_ROW {
                if let row = unsafe Row(iterator) { found.append(row) }
            }
            return unsafe sqlite3changeset_finalize(iterator)
        }
        guard code == SQLITE_OK else { throw SQLiteError(operation: "sqlite3changeset_start", code: code) }
        return found
    }
}

extension ChangeSet.Row {
    fileprivate init?(_ iterator: OpaquePointer) {
        var name: UnsafePointer<CChar>?
        var columns: Int32 = 0
        var operation: Int32 = 0
        guard unsafe sqlite3changeset_op(iterator, &name, &columns, &operation, nil) == SQLITE_OK,
            let name = unsafe name
        else { return nil }
        table = unsafe String(cString: name)
        self.columns = Int(columns)
        key = unsafe Self.key(iterator, columns, operation)
    }

    private static func key(_ iterator: OpaquePointer, _ columns: Int32, _ operation: Int32) -> String? {
        var isKey: UnsafeMutablePointer<UInt8>?
        guard unsafe sqlite3changeset_pk(iterator, &isKey, nil) == SQLITE_OK, let isKey = unsafe isKey,
            let column = (0..<columns).first(where: { unsafe isKey[Int($0)] != 0 })
        else { return nil }
        var value: OpaquePointer?
        let code =
            operation == SQLITE_INSERT
            ? unsafe sqlite3changeset_new(iterator, column, &value)
            : unsafe sqlite3changeset_old(iterator, column, &value)
        guard code == SQLITE_OK, let value = unsafe value, unsafe sqlite3_value_type(value) == SQLITE_TEXT,
            let text = unsafe sqlite3_value_text(value)
        else { return nil }
        return unsafe String(cString: text)
    }
}
