import CSQLite

/// A failed call of SQLite's.
public struct SQLiteError: Error, Hashable, Sendable, CustomStringConvertible {
    public let operation: String
    /// A result code of sqlite3.h other than `SQLITE_OK`.
    public let code: Int32

    public var description: String {
        "\(operation): \(unsafe String(cString: sqlite3_errstr(code)))"
    }
}

func calling(_ operation: String, _ body: () -> Int32) throws(SQLiteError) {
    let code = body()
    guard code == SQLITE_OK else { throw SQLiteError(operation: operation, code: code) }
}
