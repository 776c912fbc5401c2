import CSQLite

/// Takes down what a connection changes in all tables that have a primary key, from its making on. C: `sqlite3session_create`.
///
/// What an `AUTOINCREMENT` counts is not taken down; whoever applies an insertion counts as far by himself.
@safe public final class ChangeRecorder {
    private let session: OpaquePointer

    /// - Parameter connection: `sqlite3 *`; must outlive the recorder.
    public init(_ connection: OpaquePointer) throws(SQLiteError) {
        var made: OpaquePointer?
        try calling("sqlite3session_create") { unsafe sqlite3session_create(connection, "main", &made) }
        guard let session = unsafe made else {
            throw SQLiteError(operation: "sqlite3session_create", code: SQLITE_NOMEM)
        }
        unsafe self.session = session
        try calling("sqlite3session_attach") { unsafe sqlite3session_attach(session, nil) }
    }

    deinit { unsafe sqlite3session_delete(session) }

    /// All of it, each row once, as it was and as it is. C: `sqlite3session_changeset`.
    public func changes() throws(SQLiteError) -> ChangeSet {
        var size: Int32 = 0
        var start: UnsafeMutableRawPointer?
        try calling("sqlite3session_changeset") { unsafe sqlite3session_changeset(session, &size, &start) }
        defer { unsafe sqlite3_free(start) }
        return ChangeSet(bytes: unsafe Array(UnsafeRawBufferPointer(start: start, count: Int(size))))
    }
}
