import CSystemd
import Glibc

/// One field of a journal entry.
public struct JournalField: Hashable, Sendable {
    public let name: String
    public let value: String

    /// - Parameter name: upper-case letters, digits and underscores, not starting with an underscore or digit
    ///   (journald drops other fields silently, hence a precondition), at most 64 bytes.
    public init(_ name: String, _ value: String) {
        precondition(Self.isValid(name), "journald would drop the field \(name)")
        self.name = name
        self.value = value
    }

    /// Whether journald takes a field of this name from us.
    public static func isValid(_ name: String) -> Bool {
        guard let first = name.utf8.first, (1...64).contains(name.utf8.count) else { return false }
        let letters = UInt8(ascii: "A")...UInt8(ascii: "Z")
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        return letters.contains(first)
            && name.utf8.allSatisfy { letters.contains($0) || digits.contains($0) || $0 == UInt8(ascii: "_") }
    }
}

/// The journal's native protocol.
public enum Journal {
    /// Whether standard error is connected to the journal, so that writing there too would double every line
    /// (`JOURNAL_STREAM`, systemd.exec(5)).
    public static var receivesStandardError: Bool {
        guard let stream = unsafe getenv("JOURNAL_STREAM") else { return false }
        var status = stat()
        guard unsafe fstat(STDERR_FILENO, &status) == 0 else { return false }
        return unsafe String(cString: stream) == "\(status.st_dev):\(status.st_ino)"
    }

    /// Sends one entry. Values may hold any bytes, newlines included. C: `sd_journal_sendv`.
    ///
    /// Without a journal on this machine the entry is dropped and no error is thrown.
    public static func send(_ fields: [JournalField]) throws(SystemdError) {
        var bytes: [UInt8] = []
        let ranges = fields.map { field in
            let start = bytes.count
            bytes += Array("\(field.name)=\(field.value)".utf8)
            return start..<bytes.count
        }
        let result = unsafe bytes.withUnsafeMutableBytes { buffer in
            let vectors = unsafe ranges.map { range in
                unsafe iovec(iov_base: buffer.baseAddress?.advanced(by: range.lowerBound), iov_len: range.count)
            }
            return unsafe sd_journal_sendv(vectors, Int32(vectors.count))
        }
        guard result >= 0 else { throw SystemdError(operation: "sd_journal_sendv", code: -result) }
    }
}
