internal import OpenSSLBinding

/// Why a server did not answer.
package enum HTTPSError: Error, Sendable, Equatable {
    /// It cannot be reached, or breaks off.
    case unreachable(String)
    case timedOut
    case untrusted(String)
    case badAnswer(String)
}

extension HTTPSError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreachable(let reason): "the server cannot be reached: \(reason)"
        case .timedOut: "the server does not answer in time"
        case .untrusted(let reason): "the server is not the one that is trusted: \(reason)"
        case .badAnswer(let reason): "the server's answer makes no sense: \(reason)"
        }
    }

    init(_ error: OpenSSLError) { self = .unreachable("\(error)") }
}
