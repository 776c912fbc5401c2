import CLinux

/// A process and whose it is.
public struct PeerCredentials: Hashable, Sendable {
    public let processID: UInt32
    public let userID: UInt32
    public let groupID: UInt32

    init(processID: UInt32, userID: UInt32, groupID: UInt32) {
        self.processID = processID
        self.userID = userID
        self.groupID = groupID
    }

    /// Of who connected a Unix stream socket, as the kernel recorded it at `connect`. C: `getsockopt(SO_PEERCRED)`.
    public init(ofSocket descriptor: Int32) throws(SystemError) {
        var credentials = ps_linux_credentials()
        try checking("SO_PEERCRED", nil, unsafe ps_linux_peer_credentials(descriptor, &credentials))
        self.processID = credentials.pid
        self.userID = credentials.uid
        self.groupID = credentials.gid
    }
}
