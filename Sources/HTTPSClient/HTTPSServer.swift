public import OpenSSLBinding

/// Where a service is, and who vouches for it.
public struct HTTPSServer: Sendable {
    /// A DNS name or an address, which the server's certificate has to name.
    public var host: String
    public var port: UInt16
    /// Nothing else makes a server trusted.
    public var roots: [Certificate]
    /// Seconds since 1970.
    public var now: @Sendable () -> Int64
    /// Of one request, connecting included.
    public var timeLimit = Duration.seconds(5)

    public init(host: String, port: UInt16, roots: [Certificate], now: @escaping @Sendable () -> Int64) {
        self.host = host
        self.port = port
        self.roots = roots
        self.now = now
    }

    /// As HTTP and URLs write it.
    package var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Addresses are no names to ask a certificate for (RFC 6066 section 3).
    var isAddress: Bool { host.contains(":") || host.allSatisfy { $0.isNumber || $0 == "." } }
}
