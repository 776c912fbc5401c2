internal import LinuxBinding

/// Finds out who connected a socket, or who it is that somebody named, and where it lives, without power over it.
struct CallerInspection: Sendable {
    private let routes: RouteSocket
    /// Of the node's own network namespace, for itself.
    private let ownNumber: Int32

    init() throws(SystemError) {
        routes = try RouteSocket()
        ownNumber = try routes.ownNumber()
    }

    /// Who connected. A socket can be made in one place and handed to a process of another, which connects it: what is true of
    /// either place is then not to be believed of both.
    func caller(ofSocket socket: Int32) throws(SystemError) -> Caller {
        let process = try PeerProcess(ofSocket: socket)
        let made = place(try routes.number(of: NetworkNamespace(ofPeerOf: socket)))
        let lives = try place(of: process)
        return Caller(process: process, place: made == lives ? lives : .elsewhere)
    }

    /// - Parameter process: as it is now.
    func caller(_ process: PeerProcess) throws(SystemError) -> Caller {
        Caller(process: process, place: try place(of: process))
    }

    private func place(of process: PeerProcess) throws(SystemError) -> Caller.Place {
        let number = try routes.number(ofProcess: process.credentials.processID)
        // Its number was its own all the while.
        try process.checkAlive()
        return place(number)
    }

    private func place(_ number: Int32?) -> Caller.Place {
        switch number {
        case nil: .elsewhere
        case ownNumber: .host
        case let number?: .container(number: number)
        }
    }
}
