public import Identity
public import LinuxBinding

/// Why there is no backup, or nothing is restored.
public enum BackupError: Error, Sendable, Equatable {
    case system(SystemError)
    case authority(AuthorityError)
    case tooLarge(path: String)
    case tooManyKeys(Int)
    /// The keys that were to be left out are nowhere else.
    case keysAreHere(path: String)
    // What is restored from
    case notABackup(String)
    case foreign(TrustDomain, own: TrustDomain)
    /// The authority that is there would be lost.
    case occupied(path: String)
}

extension BackupError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .system(let error): "\(error)"
        case .authority(let error): "\(error)"
        case .tooLarge(let path): "\(path) has more bytes than a backup can have"
        case .tooManyKeys(let count): "there are \(count) keys, more than a backup can have"
        case .keysAreHere(let path):
            "the CA's key is in \(path) and nowhere else: a backup without it could not be restored"
        case .notABackup(let reason): "this is no whole backup of an authority: \(reason)"
        case .foreign(let domain, let own):
            "the backup is of the trust domain \(domain.name), and this authority is of \(own.name)"
        case .occupied(let path): "there is an authority in \(path); with --force it is put aside"
        }
    }
}
