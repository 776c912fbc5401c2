public import Identity
public import OpenSSLBinding

/// Why a connection between two authenticated nodes ends.
public enum LinkFailure: Error, Sendable, Equatable {
    case wire(WireError)
    /// A message that has no place at this point.
    case unexpectedMessage(type: UInt8)
    case noCommonVersion
    case noCommonSuite
    case noCommonPostQuantumMode
    /// The peer calls itself by another number than the directory does.
    case wrongNodeNumber(NodeNumber)
    case notInDirectory(SPIFFEID)
    case unknownNode(NodeNumber)
    case keyEncapsulationFailed
    case exporterFailed(OpenSSLError)
    case confirmationFailed
    /// The peer offered an SPI twice in one epoch.
    case repeatedSPI(SPI)
    /// An announcement's ID is not higher than those before.
    case badAnnouncementID(UInt32)
    /// Too many are alive, or were refused.
    case tooManyAnnouncements
    case handshakeTimedOut
    case silent
    /// The other of two connections that crossed stays.
    case crossed
    case superseded
    /// Twice its length has passed and no newer one was agreed on.
    case epochEnded
    case notTrusted(SVIDRejection)
    case peerClosed(CloseReason)
    case transport(String)
    case stopped
}

extension LinkFailure {
    /// What the peer is told; nil where it knows or cannot be reached.
    package var closeReason: CloseReason? {
        switch self {
        case .wire, .unexpectedMessage, .repeatedSPI, .badAnnouncementID, .tooManyAnnouncements: .protocolError
        case .noCommonVersion: .noCommonVersion
        case .noCommonSuite, .noCommonPostQuantumMode: .noCommonSuite
        case .wrongNodeNumber, .notInDirectory, .unknownNode: .notInDirectory
        case .keyEncapsulationFailed, .confirmationFailed: .confirmationFailed
        case .exporterFailed: .internalError
        case .handshakeTimedOut, .silent: .idle
        case .crossed: .crossed
        case .superseded, .epochEnded: .superseded
        case .notTrusted: .notTrusted
        case .stopped: .shutdown
        case .peerClosed, .transport: nil
        }
    }
}

extension LinkFailure: CustomStringConvertible {
    public var description: String {
        switch self {
        case .wire(let error): "the peer broke the protocol: \(error)"
        case .unexpectedMessage(let type): "message type \(type) has no place here"
        case .noCommonVersion: "no wire version in common"
        case .noCommonSuite: "no cipher suite in common"
        case .noCommonPostQuantumMode: "no post-quantum mode in common"
        case .wrongNodeNumber(let number): "the peer calls itself node \(number), the directory does not"
        case .notInDirectory(let id): "\(id) is not in the directory"
        case .unknownNode(let number): "no node \(number) is in the directory"
        case .keyEncapsulationFailed: "the ML-KEM exchange failed"
        case .exporterFailed(let error): "the exporter failed: \(error)"
        case .confirmationFailed: "the peer derived other keys"
        case .repeatedSPI(let spi): "the peer offered SPI \(spi) twice"
        case .badAnnouncementID(let id): "announcement ID \(id) is not higher than those before"
        case .tooManyAnnouncements: "the peer announces more than is allowed"
        case .handshakeTimedOut: "the handshake took too long"
        case .silent: "nothing was heard of the peer"
        case .crossed: "both ends dialled, the other connection stays"
        case .superseded: "a newer connection has taken over"
        case .epochEnded: "the epoch's keys have ended"
        case .notTrusted(let rejection): "the peer's certificate is no longer trusted: \(rejection)"
        case .peerClosed(let reason): "the peer closed: \(reason)"
        case .transport(let reason): reason
        case .stopped: "stopped"
        }
    }
}
