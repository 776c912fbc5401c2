internal import NIOCore
internal import NIOPosix

/// Why a TCP connection could not be made.
public enum ConnectFailure {
    /// One line for people, of what a NIO bootstrap threw: `192.0.2.1:7600: Connection refused`.
    public static func reason(_ error: any Error) -> String {
        guard let error = error as? NIOConnectionError else { return SocketFailure.reason(error) }
        let attempts = error.connectionErrors.map { failure in
            let host = failure.target.ipAddress ?? error.host
            return "\(host.contains(":") ? "[\(host)]" : host):\(error.port): \(SocketFailure.reason(failure.error))"
        }
        guard attempts.isEmpty else { return attempts.joined(separator: "; ") }
        return "\(error.host) has no address: \((error.dnsAError ?? error.dnsAAAAError).map { "\($0)" } ?? "no answer")"
    }
}
