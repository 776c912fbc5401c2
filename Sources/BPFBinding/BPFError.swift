import CLibBPF
import Glibc

/// A failed call into libbpf or bpf(2).
public struct BPFError: Error, Hashable, Sendable {
    /// What was tried, in libbpf's or the system call's name.
    public let operation: String
    /// A positive errno.
    public let code: Int32
    /// The file, pin, map, program or device concerned.
    public let subject: String?
    /// What libbpf and the verifier printed meanwhile; its end when it was long.
    public let log: String

    public init(operation: String, code: Int32, subject: String? = nil, log: String = "") {
        self.operation = operation
        self.code = code
        self.subject = subject
        self.log = log
    }
}

extension BPFError: CustomStringConvertible {
    public var description: String {
        let head = [operation, subject].compactMap(\.self).joined(separator: " ")
        let reason = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "errno \(code)"
        return log.isEmpty ? "\(head): \(reason)" : "\(head): \(reason)\n\(log)"
    }
}

/// Runs one call of libbpf; a negative result becomes an error that carries what libbpf printed on this thread.
@discardableResult
func calling(_ operation: String, _ subject: String? = nil, _ body: () -> Int32) throws(BPFError) -> Int32 {
    ps_libbpf_log_begin()
    let result = body()
    let log = capturedLog()
    guard result >= 0 else { throw BPFError(operation: operation, code: -result, subject: subject, log: log) }
    return result
}

/// Ends the capture begun on this thread.
func capturedLog() -> String {
    guard let text = unsafe ps_libbpf_log_end() else { return "" }
    return unsafe String(cString: text).trimmingTrailingNewlines
}

extension String {
    fileprivate var trimmingTrailingNewlines: String {
        var text = self
        while text.last?.isNewline == true { text.removeLast() }
        return text
    }
}
