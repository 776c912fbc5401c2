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
    /// One line; of what libbpf printed, the first thing that it says by itself.
    public var description: String {
        let head = [operation, subject].compactMap(\.self).joined(separator: " ")
        return "\(head): \(reason)" + (hint.map { " (\($0))" } ?? "")
    }

    private var hint: String? {
        let mark = "libbpf: "
        let line = log.split(separator: "\n").first { $0.hasPrefix(mark) && !$0.contains("-- BEGIN PROG LOAD LOG --") }
        return line.map { String($0.dropFirst(mark.count)) }
    }

    /// libbpf has numbers of its own beyond the system's. C: `strerror`, `libbpf_strerror`.
    private var reason: String {
        if code < __LIBBPF_ERRNO__START.rawValue {
            return unsafe strerror(code).map { unsafe String(cString: $0) } ?? "errno \(code)"
        }
        var text = [CChar](repeating: 0, count: 128)
        _ = unsafe libbpf_strerror(code, &text, text.count)
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
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
