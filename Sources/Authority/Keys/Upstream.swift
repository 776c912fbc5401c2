public import Issuance
public import OpenSSLBinding

/// Who vouches for a CA that is going to be made.
public enum Upstream: Sendable {
    /// An authority whose certificate is here, and its key when a CA is made: the certificate, then those that vouch for it, up to and
    /// with the root; and how to get the key of the first of these.
    case held(chain: [Certificate], key: @Sendable () throws(UpstreamKeyError) -> any SigningKey)
    /// One that signs when it is asked, and says then who is above it.
    case asked(any UpstreamAuthority)

    /// What is known of it without asking.
    var knownChain: [Certificate] {
        if case .held(let chain, _) = self { chain } else { [] }
    }
}

/// Why the key of the authority above is not to be had.
public struct UpstreamKeyError: Error, Sendable, Equatable {
    public let reason: String

    public init(_ reason: String) { self.reason = reason }
}
