import Glibc

/// A failed call into libsystemd.
public struct SystemdError: Error, Hashable, Sendable {
    /// The C function.
    public let operation: String
    /// A positive errno.
    public let code: Int32
}

extension SystemdError: CustomStringConvertible {
    public var description: String {
        let reason = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "errno \(code)"
        return "\(operation): \(reason)"
    }
}
