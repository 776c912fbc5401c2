public import Authority
public import Configuration
public import Datapath
public import LinuxBinding
public import NodeIdentity
public import NodeLink
import OpenSSLBinding
public import PodState

/// Why the daemon does not start, or ends before it was told to.
public enum StartError: Error, Sendable {
    case configuration(ConfigurationError)
    /// A settings' text that only its service can judge.
    case badSetting(key: ConfigurationKey, reason: String)
    case directory(PrivateFileError)
    /// Another daemon has the same state or the same sockets.
    case instanceHeld(SystemError)
    case system(SystemError)
    case authority(AuthorityError)
    case nodeState(NodeStateError)
    case noToken(TokenError)
    /// - Parameter authority: where.
    case join(JoinError, authority: String)
    case invitation(InvitationError)
    case datapath(DatapathError)
    case pods(PodStoreError)
    case uplink(String, reason: String)
    case cannotBind(String, reason: String)
    /// systemd passed a socket that this daemon does not serve.
    ///
    /// - Parameter served: paths of those that it does.
    case otherSocketPassed(String, served: [String])
    case link(NodeLinkError)
    /// A part that should run as long as the daemon does has ended.
    case componentEnded(String, reason: String)
    case stoppedWhileStarting
}

extension StartError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .configuration(let error): "\(error)"
        case .badSetting(let key, let reason): "\(key.rawValue): \(reason)"
        case .directory(let error): "\(error)"
        case .instanceHeld(let error): "another daemon of this instance is running: \(error)"
        case .system(let error): "\(error)"
        case .authority(let error): "the authority cannot start: \(error)"
        case .nodeState(let error): "\(error)"
        case .noToken(let error): "this node has no identity and cannot join: \(error)"
        case .join(let error, let authority): "this node cannot join at \(authority): \(error)"
        case .invitation(let error): "this node cannot join its own authority: \(error)"
        case .datapath(let error): "the datapath cannot be set up: \(error)"
        case .pods(let error): "\(error)"
        case .uplink(let name, let reason): "uplink \(name) cannot be watched: \(reason)"
        case .cannotBind(let what, let reason): "\(what), cannot be bound: \(reason)"
        case .otherSocketPassed(let name, let served):
            "systemd passed \(name), which is not at \(served.joined(separator: " or ")): make ListenStream= and paths.run "
                + "agree, and let nodes alone have podshield-agent.socket"
        case .link(let error): "\(error)"
        case .componentEnded(let name, let reason): "\(name) ended: \(reason)"
        case .stoppedWhileStarting: "told to stop before it was ready"
        }
    }

    var isInstanceHeld: Bool { if case .instanceHeld = self { true } else { false } }

    /// sysexits(3): 78 for a configuration that cannot be used, 77 for a CA's key that is refused, such as by a PIN that is
    /// wrong: another start could lock the token, and the unit makes none. Else 1.
    public var exitStatus: Int32 {
        switch self {
        case .configuration, .badSetting: 78
        case .authority(.keyStore(_, let error)) where error.isRefusal: 77
        default: 1
        }
    }
}
