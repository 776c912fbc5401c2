public import Identity
public import JOSE
public import OpenSSLBinding

/// An authority that signs the certificates of others when it is asked, such as a service. Asking may keep the calling thread
/// waiting, up to a limit of its own; nothing of what it answers has been checked.
public protocol UpstreamAuthority: Sendable, CustomStringConvertible {
    /// Its certificate now, then those that vouch for it, in any order.
    func certificates() throws(UpstreamError) -> [Certificate]

    /// The certificate that was asked for, then those that vouch for it, in any order.
    func sign(_ request: AuthorityRequest) throws(UpstreamError) -> [Certificate]

    /// Whether it decides for itself how long what it signs lasts, and what may be below that. Else both have to be as was asked for.
    var choosesLimits: Bool { get }

    /// Whom its trust domain trusts, as one of its nodes was told; nil where nobody tells. May be asked often.
    func bundle() throws(UpstreamError) -> TrustBundle?

    /// The keys for JWT-SVIDs of its trust domain; nil where it does not tell.
    func keys() throws(UpstreamError) -> [PublishedKey]?

    /// Whether keys of ours are to be published there.
    var publishesKeys: Bool { get }

    /// Has JWT-SVIDs that a key of ours signs trusted in its whole trust domain.
    func publish(_ key: PublishedKey) throws(UpstreamError)
}

/// A key for JWT-SVIDs of a trust domain, and when it ends.
public struct PublishedKey: Sendable, Equatable {
    public let authority: JWTAuthority
    /// Seconds since 1970; 0 for one of which that is not said.
    public let notAfter: Int64

    public init(authority: JWTAuthority, notAfter: Int64) {
        self.authority = authority
        self.notAfter = notAfter
    }
}

/// Why the authority above did not do what it was asked.
public struct UpstreamError: Error, Sendable, Equatable {
    public let reason: String
    /// It said no, and will say no again: that it was asked too often, or is away, is another matter.
    public let isRefusal: Bool

    public init(_ reason: String, isRefusal: Bool = false) {
        self.reason = reason
        self.isRefusal = isRefusal
    }
}

extension UpstreamAuthority {
    public var choosesLimits: Bool { false }

    // Of one that is no authority of SPIFFE's.
    public func bundle() throws(UpstreamError) -> TrustBundle? { nil }
    public func keys() throws(UpstreamError) -> [PublishedKey]? { nil }
    public var publishesKeys: Bool { false }
    public func publish(_ key: PublishedKey) throws(UpstreamError) { throw UpstreamError("it takes no keys") }

    /// Its certificate, then those above it up to and with the root, and nothing else.
    ///
    /// - Parameter now: seconds since 1970.
    public func chain(at now: Int64) throws(IssuanceError) -> [Certificate] {
        let answered: [Certificate]
        do throws(UpstreamError) { answered = try certificates() } catch { throw .upstream(error) }
        return try UpstreamPath.find(from: answered, at: now)
    }
}
