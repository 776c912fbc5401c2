import AdminAPI
import Configuration
import GRPCCore
import LinuxBinding

/// Why a command did not end well: what is said on standard error, and the exit status.
struct CommandFailure: Error, Equatable {
    var status: ExitStatus
    /// Empty when the output has said it.
    var message: String

    init(_ status: ExitStatus, _ message: String = "") {
        self.status = status
        self.message = message
    }

    /// Whatever was thrown on the way.
    init(_ error: any Error) {
        switch error {
        case let failure as CommandFailure: self = failure
        case let error as RPCError: self = AdminError(error).map { Self($0) } ?? Self(transport: error)
        case let error as ConfigurationError where error.isDenied:
            self.init(.denied, "\(error); psid is for root")
        case let error as ConfigurationError: self.init(.badConfiguration, error.description)
        default: self.init(.failure, "\(error)")
        }
    }

    init(_ error: AdminError) {
        let guess = error.nearest.isEmpty ? "" : "; did you mean \(error.nearest.joined(separator: ", "))?"
        self.init(Self.status(error.reason), error.message + guess)
    }

    private init(transport error: RPCError) {
        switch error.code {
        case .unavailable: self.init(.notReachable, "podshield-idd does not answer: \(error.message)")
        case .deadlineExceeded: self.init(.timedOut, "podshield-idd has not answered in time")
        case .permissionDenied, .unauthenticated: self.init(.denied, error.message)
        case .unimplemented: self.init(.failure, "podshield-idd does not know this request: it is of another version")
        default: self.init(.failure, "\(error.message) (\(error.code))")
        }
    }

    private static func status(_ reason: AdminErrorReason) -> ExitStatus {
        switch reason {
        case .notFound: .notFound
        case .denied: .denied
        case .timedOut: .timedOut
        case .alreadyExists, .invalid, .precondition, .unavailable, .exhausted, .internal: .failure
        }
    }
}
