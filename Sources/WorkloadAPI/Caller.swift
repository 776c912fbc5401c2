internal import LinuxBinding

/// The process at the other end of a connection.
final class Caller: Sendable {
    /// Where it lives.
    enum Place: Sendable, Equatable {
        /// The node's own network namespace.
        case host
        /// A namespace that a device of the node leads into, such as a pod's.
        case container(number: Int32)
        /// Neither, or not in one place alone.
        case elsewhere
    }

    let process: PeerProcess
    let place: Place

    init(process: PeerProcess, place: Place) {
        self.process = process
        self.place = place
    }

    /// What shares one allowance of connections: users do not come at each other's, nor containers, in which anybody may be any
    /// user.
    enum Source: Hashable, Sendable {
        case user(UInt32)
        case container(number: Int32)
    }

    var source: Source {
        if case .container(let number) = place { .container(number: number) } else { .user(process.credentials.userID) }
    }
}

extension Caller.Source: CustomStringConvertible {
    var description: String {
        switch self {
        case .user(let user): "user \(user)"
        case .container(let number): "the container of network namespace \(number)"
        }
    }
}
