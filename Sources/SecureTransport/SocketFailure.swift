internal import Glibc
internal import NIOCore

/// Why a socket could not be had.
public enum SocketFailure {
    /// One line for people, of what NIO threw: the code in the system's words, where NIO's own name the Swift function.
    /// C: `strerror`.
    public static func reason(_ error: any Error) -> String {
        guard let code = (error as? IOError)?.errnoCode else { return "\(error)" }
        return unsafe strerror(code).map { unsafe String(cString: $0) } ?? "errno \(code)"
    }
}
