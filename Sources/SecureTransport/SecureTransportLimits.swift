public import NIOCore

/// What one connection may cost before its peer is known, and beside what it says.
public enum SecureTransportLimits {
    /// Most bytes a peer may send until the handshake is complete.
    public static let handshakeBytes = 65536
    /// Most bytes of the peer's Certificate message.
    static let peerChainBytes = 32768
    /// Most bytes of records on an established connection that no application data accounts for, and for how many bytes each of it
    /// does: alone in a record it takes 23, one that has not come whole yet is 16 KiB at most (RFC 8446 section 5.2).
    static let overheadBytes = 65536
    static let overheadPerByte = 32
    /// Most bytes, and most writes, kept for sending after the handshake.
    public static let bufferedBytes = 65536
    public static let bufferedWrites = 1024
    /// From connection to complete handshake.
    public static let handshakeTimeout = TimeAmount.seconds(10)
    /// How long a closing end waits for the peer's close_notify, and how many bytes it opens meanwhile: a peer that floods
    /// would keep us busy all the while.
    static let closeTimeout = TimeAmount.seconds(2)
    static let closingBytes = 1 << 20
}
