internal import GRPCCore
internal import PrintableText

/// Why etcd did not answer.
public enum EtcdError: Error, Sendable, Equatable {
    /// No member answers. Whether a transaction was carried out is not known.
    case unreachable(String)
    /// It answered that it will not.
    case refused(String)
    /// What is asked for happened before everything that it still knows.
    case compacted
}

extension EtcdError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unreachable(let why): "no member of etcd answers: \(why)"
        case .refused(let why): "etcd refuses: \(why)"
        case .compacted: "etcd no longer knows what happened then"
        }
    }

    /// What a failed call means. Codes are those that etcd's rpctypes gives its errors.
    init(_ error: any Error, member: EtcdMembers.Address) {
        switch error {
        case let error as EtcdError: self = error
        case let error as RPCError where Self.answers.contains(error.code): self = .refused(error.message.printable)
        case let error as RPCError: self = .unreachable("\(member): \(Self.reason(of: error).printable)")
        default: self = .unreachable("\(member): \("\(error)".printable)")
        }
    }

    /// With what is behind it, which says more.
    private static func reason(of error: RPCError) -> String {
        error.cause.map { "\(error.message) (\($0))" } ?? error.message
    }

    private static let answers: [RPCError.Code] = [
        .permissionDenied, .unauthenticated, .invalidArgument, .resourceExhausted, .failedPrecondition, .outOfRange,
        .notFound, .unimplemented,
    ]
}
