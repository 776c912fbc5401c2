public import OpenSSLBinding

/// What makes a server trusted.
public enum ServerTrust: Sendable {
    /// Its certificate names the host and leads to one of these roots; no others count.
    case named(roots: [Certificate])
    /// Whatever this says of its chain, which is not empty and has the leaf first: why it is not trusted, nil if it is.
    case judged(by: @Sendable ([Certificate]) -> String?)
}

/// Where a service is, and who vouches for it.
public struct HTTPSServer: Sendable {
    /// A DNS name or an address.
    public var host: String
    public var port: UInt16
    public var trust: ServerTrust
    /// Seconds since 1970.
    public var now: @Sendable () -> Int64
    /// Of one request, connecting included.
    public var timeLimit = Duration.seconds(5)
    /// Most bytes of an answer, its head included.
    public var largestAnswer = HTTPResponse.largest

    public init(host: String, port: UInt16, roots: [Certificate], now: @escaping @Sendable () -> Int64) {
        self.init(host: host, port: port, trust: .named(roots: roots), now: now)
    }

    package init(host: String, port: UInt16, trust: ServerTrust, now: @escaping @Sendable () -> Int64) {
        self.host = host
        self.port = port
        self.trust = trust
        self.now = now
    }

    /// As HTTP and URLs write it.
    package var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Addresses are no names to ask a certificate for (RFC 6066 section 3).
    var isAddress: Bool { host.contains(":") || host.allSatisfy { $0.isNumber || $0 == "." } }
}
