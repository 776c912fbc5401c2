/// Why the service ends.
public enum NodeLinkError: Error, Sendable, Equatable {
    case cannotListen(address: String, reason: String)
    case epochTooShort(Duration)
    case alreadyRun
}

extension NodeLinkError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .cannotListen(let address, let reason): "the node link cannot listen on \(address): \(reason)"
        case .epochTooShort(let epoch): "an epoch of \(epoch) is shorter than \(NodeLinkSettings.shortestEpoch)"
        case .alreadyRun: "the node link has run before"
        }
    }
}
