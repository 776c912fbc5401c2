internal import CLinux
internal import Glibc

extension PeerProcess {
    /// Whether the kernel holds on to who connected (`SO_PEERPIDFD`, Linux 6.5). Before, there is a number, whose owner is looked up
    /// when the connection is accepted: another by then, perhaps, if that took long.
    public static let isHeldByTheKernel = ps_linux_has_peer_pidfd() == 1
}

extension ListeningSocket {
    /// More than a socket's queue holds (`net.core.somaxconn`).
    private static let mostWaiting = 1 << 16

    /// Closes the connections that wait at a socket now; who comes later is behind them and is served. Returns how many there were.
    /// C: `accept`.
    public static func turnAwayWaiting(at descriptor: Int32) throws(SystemError) -> Int {
        for count in 0..<mostWaiting {
            var listening = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard unsafe poll(&listening, 1, 0) == 1 else { return count }
            let accepted = try calling("accept") { accept(descriptor, nil, nil) }
            close(accepted)
        }
        return mostWaiting
    }
}
