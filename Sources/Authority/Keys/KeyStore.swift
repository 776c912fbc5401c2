public import OpenSSLBinding

/// Who vouches for a CA that is going to be made.
public struct Upstream: Sendable {
    /// The authority above, then those that vouch for it, up to and with the root.
    public var chain: [Certificate]
    /// Of the first of these; asked for once, when the CA is made.
    public var key: @Sendable () throws(UpstreamKeyError) -> any SigningKey

    public init(chain: [Certificate], key: @escaping @Sendable () throws(UpstreamKeyError) -> any SigningKey) {
        self.chain = chain
        self.key = key
    }
}

/// Why the key of the authority above is not to be had.
public struct UpstreamKeyError: Error, Sendable, Equatable {
    public let reason: String

    public init(_ reason: String) { self.reason = reason }
}

/// Where the CA's key is.
public enum KeyStore: Sendable {
    /// In `ca.key` of the state directory, made by the first start.
    case ownFile
    /// In a file that somebody else keeps. It is read and never made.
    case file(path: String)
    /// Where it cannot be read at all.
    case elsewhere(any SigningKeyStore)
}
