internal import Glibc
public import NIOCore

extension IOError {
    /// What its code means, in the system's words: NIO's own name the Swift function. C: `strerror`.
    public var reason: String { unsafe strerror(errnoCode).map { unsafe String(cString: $0) } ?? "errno \(errnoCode)" }
}
