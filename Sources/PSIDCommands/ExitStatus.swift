/// What scripts branch on. Numbers never change their meaning.
public enum ExitStatus: Int32, Sendable {
    case success = 0
    case failure = 1
    /// It was looked at, and something is wrong.
    case problemsFound = 2
    case notFound = 3
    case denied = 4
    /// There is no daemon at the admin socket.
    case notReachable = 5
    case timedOut = 6
    /// The command line makes no sense (sysexits.h).
    case usage = 64
    /// The configuration file is wrong (sysexits.h).
    case badConfiguration = 78
}
