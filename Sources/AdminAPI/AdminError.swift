import GRPCCore
import SwiftProtobuf

/// Why a call on the admin socket failed: what a person reads, what a program branches on, and the names that were meant.
///
/// Thrown by the service it becomes a gRPC status with an `ErrorDetail`; the client gets it back by `init(_:)`.
public struct AdminError: Error, Equatable, Sendable {
    public var reason: AdminErrorReason
    /// One sentence, no period; cut where it would be longer than `longest`.
    public let message: String
    /// The name that was asked for, cut likewise; empty if it was not about a name.
    public let subject: String
    /// Existing names that resemble `subject`, nearest first.
    public var nearest: [String]

    public init(_ reason: AdminErrorReason, _ message: String, subject: String = "", nearest: [String] = []) {
        self.reason = reason
        self.message = message.cut(toBytes: Self.longest)
        self.subject = subject.cut(toBytes: Self.longest)
        self.nearest = Array(nearest.prefix(Self.nearestLimit))
    }

    public static let nearestLimit = 3
    /// Bytes. Both travel in the trailers of an answer, which HTTP/2 gives 16 KiB here, the message with up to three letters for one byte; a
    /// SPIFFE ID is there as a whole.
    public static let longest = 2048
}

extension String {
    /// Its beginning, whole scalars, and a sign that there is more.
    fileprivate func cut(toBytes most: Int) -> String {
        guard utf8.count > most else { return self }
        var end = utf8.index(startIndex, offsetBy: most)
        while end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
        return String(unicodeScalars[..<end]) + "…"
    }
}

/// The closed list behind `ErrorDetail.reason`; words are never re-used.
public enum AdminErrorReason: String, CaseIterable, Sendable {
    case notFound = "not-found"
    case alreadyExists = "already-exists"
    /// The request itself is wrong.
    case invalid = "invalid"
    /// Refused: who asks may not, or a rule forbids it.
    case denied = "denied"
    /// Not in this role or state.
    case precondition = "precondition"
    /// A part of the daemon, or the authority, does not answer now.
    case unavailable = "unavailable"
    case timedOut = "timed-out"
    /// A table is full.
    case exhausted = "exhausted"
    case `internal` = "internal"

    var code: RPCError.Code {
        switch self {
        case .notFound: .notFound
        case .alreadyExists: .alreadyExists
        case .invalid: .invalidArgument
        case .denied: .permissionDenied
        case .precondition: .failedPrecondition
        case .unavailable: .unavailable
        case .timedOut: .deadlineExceeded
        case .exhausted: .resourceExhausted
        case .internal: .internalError
        }
    }
}

extension AdminError: RPCErrorConvertible {
    /// The metadata key of the `ErrorDetail`.
    public static let metadataKey = "podshield-error-bin"

    public var rpcErrorCode: RPCError.Code { reason.code }
    public var rpcErrorMessage: String { message }

    public var rpcErrorMetadata: Metadata {
        var detail = Podshield_Admin_V1_ErrorDetail()
        detail.reason = reason.rawValue
        detail.subject = subject
        detail.nearest = nearest
        guard let bytes: [UInt8] = try? detail.serializedBytes() else { return [:] }
        var metadata = Metadata()
        metadata.addBinary(bytes, forKey: Self.metadataKey)
        return metadata
    }

    /// What the service threw; nil for an error that is the transport's own.
    public init?(_ error: RPCError) {
        guard let bytes = error.metadata[binaryValues: Self.metadataKey].first(where: { _ in true }),
            let detail = try? Podshield_Admin_V1_ErrorDetail(serializedBytes: bytes),
            let reason = AdminErrorReason(rawValue: detail.reason)
        else { return nil }
        self.init(reason, error.message, subject: detail.subject, nearest: detail.nearest)
    }
}
