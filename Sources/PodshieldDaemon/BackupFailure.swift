public import Authority
public import LinuxBinding

/// Why an authority is not backed up or restored.
public enum BackupFailure: Error, Sendable {
    case start(StartError)
    case noAuthority
    /// The backup's file cannot be opened or left.
    case file(SystemError)
    case backup(BackupError)
}

extension BackupFailure: CustomStringConvertible {
    public var description: String {
        switch self {
        case .start(.instanceHeld):
            "podshield-idd runs; stop it first: systemctl stop podshield-idd.socket podshield-idd"
        case .start(let error): "\(error)"
        case .noAuthority: "this machine's role has no authority"
        case .file(let error): "\(error)"
        case .backup(let error): "\(error)"
        }
    }

    public var exitStatus: Int32 { if case .start(let error) = self { error.exitStatus } else { 1 } }
}
