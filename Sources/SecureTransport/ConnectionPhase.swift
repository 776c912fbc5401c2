/// How far a connection is.
enum ConnectionPhase {
    case idle
    case handshaking
    case established
    /// close_notify is sent, the peer's is awaited.
    case closing
    case closed
}
