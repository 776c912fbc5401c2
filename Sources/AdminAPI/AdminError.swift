import GRPCCore
import SwiftProtobuf

/// Why a call on the admin socket failed: what a person reads, what a program branches on, and the names that were meant.
///
/// Thrown by the service it becomes a gRPC status with an `ErrorDetail`; the client gets it back by `init(_:)`.
public struct AdminError: Error, Equatable, Sendable {
    public var reason: AdminErrorReason
    /// One sentence, no period.
    public var message: String
    /// The name that was asked for; empty if it was not about a name.
    public var subject: String
    /// Existing names that resemble `subject`, nearest first.
    public var nearest: [String]

    public init(_ reason: AdminErrorReason, _ message: String, subject: String = "", nearest: [String] = []) {
        self.reason = reason
        self.message = message
        self.subject = subject
        self.nearest = Array(nearest.prefix(Self.nearestLimit))
    }

    public static let nearestLimit = 3
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
