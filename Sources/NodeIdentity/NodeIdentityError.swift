public import AuthorityAPI
public import Identity
public import LinuxBinding
public import OpenSSLBinding
internal import PrintableText
public import SecureTransport
public import TrustedPlatform

/// Why the state directory cannot be used.
public enum NodeStateError: Error, Sendable, Equatable {
    case directory(PrivateFileError)
    /// A file that nobody else may read or write: the key, and what says whom to trust.
    case privateFile(PrivateFileError)
    case file(SystemError)
    case unreadable(path: String, reason: String)
    /// By something else than what there is to open it with.
    case sealed(path: String)
}

extension NodeStateError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .directory(let error), .privateFile(let error): "\(error)"
        case .file(let error): "\(error)"
        case .unreadable(let path, let reason): "\(path) cannot be used: \(reason)"
        case .sealed(let path): "the key in \(path) is sealed, and node.state-key-file or -credential does not open it"
        }
    }
}

/// Why there is no connection to the authority.
public enum ConnectionFailure: Error, Sendable, Equatable {
    case badAddress(String)
    case notReached(String)
    case transport(SecureTransportError)
}

extension ConnectionFailure: CustomStringConvertible {
    public var description: String {
        switch self {
        case .badAddress(let text): "\(text.quoted) is not host:port"
        case .notReached(let reason): "the authority cannot be reached: \(reason)"
        case .transport(let error): "\(error)"
        }
    }
}

/// Why the authority did not do what it was asked.
public enum AuthorityCallError: Error, Sendable, Equatable {
    /// The node has no valid SVID of its own.
    case notJoined
    /// No answer within the patience of the settings; the last reason.
    case unreachable(String)
    /// The authority hears nothing of the others, which may know more.
    case cutOff(String)
    /// The token or the node is not welcome.
    case denied(String)
    /// The authority has no such node, any more perhaps.
    case notAMember(String)
    /// Another has joined in the node's name, or the node itself.
    case joinedAgain(String)
    /// No registration matches.
    case notRegistered(String)
    /// The request is at fault.
    case rejected(String)
    case overloaded(String)
    /// The answer does not verify.
    case badAnswer(String)
    /// The pod was released, or asked for anew, while the answer was on its way.
    case superseded
    /// The node joined by its TPM, and shows none.
    case tpmNeeded
    case tpm(TPMError)
    case openSSL(OpenSSLError)
}

extension AuthorityCallError {
    /// It says nothing of whoever asks: what he has is as good as before.
    var isOfTheMoment: Bool {
        switch self {
        case .unreachable, .overloaded: true
        default: false
        }
    }

    /// The authority has said so itself.
    var isAnswer: Bool {
        switch self {
        case .cutOff, .denied, .notAMember, .joinedAgain, .notRegistered, .rejected, .overloaded, .badAnswer: true
        case .notJoined, .unreachable, .superseded, .tpmNeeded, .tpm, .openSSL: false
        }
    }
}

extension AuthorityCallError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notJoined: "this node has not joined, or its SVID has expired"
        case .unreachable(let reason): "the authority does not answer: \(reason)"
        case .denied(let reason), .notAMember(let reason), .joinedAgain(let reason), .notRegistered(let reason),
            .rejected(let reason), .overloaded(let reason), .cutOff(let reason):
            reason
        case .badAnswer(let reason): "the authority's answer is not acceptable: \(reason)"
        case .superseded: "the pod was released, or asked for anew, before the authority answered"
        case .tpmNeeded: "the node has joined by its TPM, which has to answer when it renews, and join.tpm names none"
        case .tpm(let error): "\(error)"
        case .openSSL(let error): "\(error)"
        }
    }
}

extension AuthorityCallError {
    /// For who says himself that there is no connection.
    var reason: String {
        if case .unreachable(let reason) = self { reason } else { "\(self)" }
    }
}

/// Why a node did not join.
public enum JoinError: Error, Sendable, Equatable {
    /// Not 64 hexadecimal digits.
    case badFingerprint(String)
    case connection(ConnectionFailure)
    case call(AuthorityCallError)
    /// Its TPM does not let it in, and has a certificate that cannot be read.
    case uncertified(AuthorityCallError, TPMError)
    case tpm(TPMError)
    case state(NodeStateError)
}

extension JoinError {
    /// Whether the authority may have let the node in all the same.
    var leavesOpen: Bool {
        switch self {
        case .call(.unreachable), .call(.badAnswer), .call(.openSSL), .state: true
        case .badFingerprint, .connection, .call, .uncertified, .tpm: false
        }
    }
}

extension JoinError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .badFingerprint(let text): "\(text.quoted) is no SHA-256 fingerprint"
        case .connection(.transport(.pinnedRootNotPresented)):
            "the authority's root has another fingerprint than the one given: this may be an impostor"
        case .connection(let error): "\(error)"
        case .call(let error): "\(error)"
        case .uncertified(let error, let reason): "\(error); its certificate is none that can be read: \(reason)"
        case .tpm(let error): "\(error)"
        case .state(let error): "\(error)"
        }
    }
}

/// What happened to this node's identities and is worth a line in the journal.
public enum NodeIdentityEvent: Sendable {
    case joined(id: SPIFFEID, number: NodeNumber)
    /// The SVID on disk is no longer good for anything: the node has to join again.
    case identityExpired(notAfter: Int64)
    case connected(to: String)
    case disconnected(String)
    /// The authority does not count this node among its own, for this reason: no packet of its pods is to pass any more. Where that
    /// takes all back, nothing is held for workloads any more either.
    case shutOut(Exclusion)
    /// It does again. After a new join it is `joined` that says so.
    case letIn
    case nodeRenewed(X509SVID)
    case nodeRenewalFailed(AuthorityCallError, notAfter: Int64)
    case workloadIssued(IssuedWorkload)
    /// The SVID that is held stays in use until `notAfter`.
    case workloadRenewalFailed(PodFacts, AuthorityCallError, notAfter: Int64)
    /// A pod's SVID of an earlier run is of no use and was deleted; the pod needs a new one.
    case workloadNotRestored(path: String, reason: String)
    /// An SVID for processes that fit an entry.
    case entrySVIDIssued(WorkloadEntry, X509SVID)
    /// The SVID that is held, if one is, stays in use while it is valid.
    case entrySVIDFailed(WorkloadEntry, AuthorityCallError)
    case directoryAccepted(revision: UInt64)
    case directoryRefused(DirectoryRejection)
    /// It has other roots.
    case bundleChanged(TrustBundle)
    /// It takes back other certificates.
    case revocationsChanged(TrustBundle)
    /// A pod's SVID was taken back; where the pod is still entitled, another takes its place.
    case workloadRevoked(IssuedWorkload)
    case leasesRefused([String])
    /// This machine's clock has come to be further from the authority's than `X509SVID.backdating`; positive when it is ahead.
    case clockSkewed(seconds: Int64)
    /// State could not be written; the node goes on with what it has in memory.
    case stateNotSaved(NodeStateError)
}
