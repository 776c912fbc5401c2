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
}

/// Why the authority above did not do what it was asked.
public struct UpstreamError: Error, Sendable, Equatable {
    public let reason: String

    public init(_ reason: String) { self.reason = reason }
}

extension UpstreamAuthority {
    public var choosesLimits: Bool { false }

    /// Its certificate, then those above it up to and with the root, and nothing else.
    ///
    /// - Parameter now: seconds since 1970.
    public func chain(at now: Int64) throws(IssuanceError) -> [Certificate] {
        let answered: [Certificate]
        do throws(UpstreamError) { answered = try certificates() } catch { throw .upstream(error) }
        return try UpstreamPath.find(from: answered, at: now)
    }
}
