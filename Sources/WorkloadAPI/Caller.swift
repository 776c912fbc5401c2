internal import LinuxBinding
internal import Synchronization

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
    private let firstIdentity = Mutex<(@Sendable () -> Void)?>(nil)

    init(process: PeerProcess, place: Place) {
        self.process = process
        self.place = place
    }

    /// `body` is called once, when it is found to have an identity.
    func onFirstIdentity(_ body: @escaping @Sendable () -> Void) { firstIdentity.withLock { $0 = body } }

    /// It was found to have one.
    func hasIdentity() {
        let body = firstIdentity.withLock { body in
            defer { body = nil }
            return body
        }
        body?()
    }
}

extension Caller {
    /// Users do not come at each other's allowance, nor services of one user at each other's, nor containers, in which anybody may be any
    /// user.
    enum Source: Hashable, Sendable {
        /// - Parameter unit: of systemd, that it is in; nil for those of users' sessions, of which each may have many.
        case user(UInt32, unit: String?)
        case container(number: Int32)
    }

    /// As it is now.
    var source: Source {
        if case .container(let number) = place { return .container(number: number) }
        let group = (try? process.controlGroup()) ?? nil
        return .user(process.credentials.userID, unit: group.flatMap { ControlGroup.service(of: $0) })
    }
}

extension Caller.Source: CustomStringConvertible {
    var description: String {
        switch self {
        case .user(let user, nil): "user \(user)"
        case .user(let user, let unit?): "user \(user) in \(unit)"
        case .container(let number): "the container of network namespace \(number)"
        }
    }
}
