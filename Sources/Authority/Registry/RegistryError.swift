internal import GRDB
internal import Glibc
public import LinuxBinding
internal import PrintableText

/// Why the registry could not answer.
public enum RegistryError: Error, Sendable, Equatable {
    /// The file is no database, or a damaged one.
    case corrupt(path: String, reason: String)
    /// A newer program has changed its tables: what they say may be more than this one understands.
    case newer(path: String, version: String)
    case readOnly(path: String)
    /// Others could write to it or read it.
    case notPrivate(PrivateFileError)
    case noSpace(path: String)
    /// Another process holds it.
    case locked(path: String)
    case failed(path: String, reason: String)
    /// A row holds what no version of this program writes.
    case nonsense(path: String, what: String)
    /// All numbers are given away.
    case exhausted(String)
    case directoryFull(DirectoryShortage)
    /// What the authorities share does not answer, or not what it should.
    case shared(SharedLogError)
    /// Another authority has taken this CA out.
    case takenOut(String)
    /// Another authority has taken out this key for JWT-SVIDs.
    case keyTakenOut(String)
    /// It was shared with others; alone it would go its own way.
    case wasShared(path: String)
}

extension RegistryError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .corrupt(let path, let reason): "\(path) is damaged or no database: \(reason)"
        case .newer(let path, let version):
            "\(path) is of a newer version of Podshield: this one does not know its change \(version.quoted)"
        case .readOnly(let path): "\(path) cannot be written"
        case .notPrivate(let error): "\(error)"
        case .noSpace(let path): "there is no space left for \(path)"
        case .locked(let path): "\(path) is in use by another process"
        case .failed(let path, let reason): "\(path): \(reason)"
        case .nonsense(let path, let what): "\(path) holds \(what) that makes no sense"
        case .exhausted(let what): "no \(what) is left"
        case .shared(let error): "\(error)"
        case .keyTakenOut(let keyID): "key \(keyID) was taken out by another authority that shares the registry"
        case .takenOut(let fingerprint):
            "CA \(fingerprint) was taken out by another authority that shares the registry: begin anew under another name"
        case .wasShared(let path): "\(path) is a registry that authorities share, and nothing says where"
        case .directoryFull(let shortage): "the authority has room for \(shortage.limit) \(shortage.what)"
        }
    }

    init(_ error: any Error, path: String) {
        switch error {
        case let error as RegistryError: self = error
        case let error as SharedLogError: self = .shared(error)
        case let error as PrivateFileError: self = .notPrivate(error)
        case let error as SystemError where [EROFS, EACCES].contains(error.code): self = .readOnly(path: path)
        case let error as SystemError where [ENOSPC, EDQUOT].contains(error.code): self = .noSpace(path: path)
        case let error as DatabaseError: self.init(error, path: path)
        case let error as SupersededSchema: self = .newer(path: path, version: error.version)
        default: self = .failed(path: path, reason: "\(error)")
        }
    }

    private init(_ error: DatabaseError, path: String) {
        let reason = Self.oneLine(error.message) ?? "\(error.resultCode)"
        switch error.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .corrupt(path: path, reason: reason)
        case .SQLITE_READONLY, .SQLITE_PERM: self = .readOnly(path: path)
        case .SQLITE_FULL: self = .noSpace(path: path)
        case .SQLITE_BUSY, .SQLITE_LOCKED: self = .locked(path: path)
        default: self = .failed(path: path, reason: reason)
        }
    }
}

extension RegistryError {
    /// What a check of the file finds comes under a heading of asterisks, each thing on its own line.
    private static func oneLine(_ message: String?) -> String? {
        message?.split(separator: "\n").first { !$0.hasPrefix("***") }.map(String.init)
    }
}

/// Errors of a stage that asks the registry.
protocol RegistryFailure: Error {
    static func registry(_ error: RegistryError) -> Self
}

extension RegistryError: RegistryFailure {
    static func registry(_ error: RegistryError) -> RegistryError { error }
}

extension EntryError: RegistryFailure {}
extension JoinRefusal: RegistryFailure {}
extension CallRefusal: RegistryFailure {}
