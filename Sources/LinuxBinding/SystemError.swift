import Glibc

/// A failed system call.
public struct SystemError: Error, Hashable, Sendable {
    /// The call or what it was for.
    public let operation: String
    /// A positive errno.
    public let code: Int32
    /// The file or device concerned.
    public let subject: String?
    /// What the kernel added in words (netlink's extended acknowledgement).
    public let detail: String?

    public init(operation: String, code: Int32, subject: String? = nil, detail: String? = nil) {
        self.operation = operation
        self.code = code
        self.subject = subject
        self.detail = detail
    }

    /// What the code means. C: `strerror`.
    public var reason: String { unsafe strerror(code).map { unsafe String(cString: $0) } ?? "errno \(code)" }
}

extension SystemError: CustomStringConvertible {
    public var description: String {
        let head = [operation, subject].compactMap(\.self).joined(separator: " ")
        return "\(head): \(reason)" + (detail.map { " (\($0))" } ?? "")
    }
}

/// Runs a call that answers -1 and errno; begins again when a signal interrupted it.
@discardableResult
func calling<Result: BinaryInteger>(
    _ operation: String, _ subject: String? = nil, _ body: () -> Result
) throws(SystemError) -> Result {
    while true {
        let result = body()
        guard result < 0 else { return result }
        guard errno == EINTR else { throw SystemError(operation: operation, code: errno, subject: subject) }
    }
}

/// Checks the result of a shim, which is a negated errno on failure.
@discardableResult
func checking(_ operation: String, _ subject: String? = nil, _ result: Int32) throws(SystemError) -> Int32 {
    guard result >= 0 else { throw SystemError(operation: operation, code: -result, subject: subject) }
    return result
}
