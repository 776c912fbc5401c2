public import Identity
public import OpenSSLBinding

/// Why a connection was not established, or did not end well.
public enum SecureTransportError: Error, Sendable, Equatable {
    /// This end has no SVID to present and needs one.
    case noIdentity
    /// Reading this end's SVID failed.
    case identityUnavailable(String)

    // The peer's identity
    case peerRejected(SVIDRejection)
    case unexpectedPeer(SPIFFEID, expected: PeerExpectation)
    /// It is who is expected, by an SVID that was issued to a node that this end is not.
    case peerOfOtherNode(SPIFFEID, node: SPIFFEID)
    case pinnedRootNotPresented
    case noPeerCertificate

    // The handshake
    /// The peer refused with this TLS alert (RFC 8446 section 6.2). A client learns of a refusal of its certificate only
    /// after its own side of the handshake is complete.
    case peerAlert(UInt8)
    case handshakeFailed(OpenSSLError)
    case handshakeTimedOut
    case handshakeTooLarge(bytes: Int)
    case noApplicationProtocol
    case sessionResumed
    case closedDuringHandshake

    // The connection
    /// Writes before the handshake's end exceeded what is kept for them.
    case tooMuchBuffered(bytes: Int)
    /// A record was forged, damaged or out of place.
    case protocolFailure(OpenSSLError)
    /// So many bytes of records came that hold no application data.
    case nothingSaid(bytes: Int)
    /// The stream ended without close_notify: something may be missing (RFC 8446 section 6.1).
    case truncated
    /// Written to after it was closed.
    case closed
}

extension SecureTransportError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .noIdentity: "there is no SVID to present"
        case .identityUnavailable(let reason): "the own SVID cannot be had: \(reason)"
        case .peerRejected(let reason): "the peer's certificate is no SVID of ours: \(reason)"
        case .unexpectedPeer(let id, let expected): "the peer is \(id), expected was \(expected)"
        case .peerOfOtherNode(let id, let node): "the SVID of \(id) is of \(node)"
        case .pinnedRootNotPresented: "the peer's chain does not hold the pinned root"
        case .noPeerCertificate: "the peer presented no certificate"
        case .peerAlert(let alert): "the peer refused with TLS alert \(alert)"
        case .handshakeFailed(let error): "the handshake failed: \(error)"
        case .handshakeTimedOut: "the handshake took too long"
        case .handshakeTooLarge(let bytes): "the peer sent \(bytes) bytes before the handshake's end"
        case .noApplicationProtocol: "no application protocol was agreed on"
        case .sessionResumed: "the peer resumed a session"
        case .closedDuringHandshake: "the connection ended during the handshake"
        case .tooMuchBuffered(let bytes): "\(bytes) bytes were written before the handshake's end"
        case .protocolFailure(let error): "the peer broke the protocol: \(error)"
        case .nothingSaid(let bytes): "the peer sent \(bytes) bytes that say nothing"
        case .truncated: "the connection ended without close_notify"
        case .closed: "the connection is closed"
        }
    }
}
