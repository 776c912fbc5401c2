internal import LinuxBinding

/// Finds out where a process lives that somebody named, without power over it.
struct ProcessInspection: Sendable {
    private let routes: RouteSocket
    /// Of the node's own network namespace, for itself.
    private let ownNumber: Int32

    init() throws(SystemError) {
        routes = try RouteSocket()
        ownNumber = try routes.ownNumber()
    }

    /// - Parameter process: as it is now.
    func caller(_ process: PeerProcess) throws(SystemError) -> Caller {
        let number = try routes.number(ofProcess: process.credentials.processID)
        // Its number was its own all the while.
        try process.checkAlive()
        guard let number else { return Caller(process: process, place: .elsewhere) }
        return Caller(process: process, place: number == ownNumber ? .host : .container(number: number))
    }
}
